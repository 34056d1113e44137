"""The index of unfinished runs and Jobs has what a search of all records finds, after any changes."""

from hypothesis import given, strategies as st

from exporter.cache import CODERUNS, JOBS, Change, Job, ObjectCache, Run, Thresholds

UIDS = st.sampled_from("abc")
RUNS = st.builds(
    Run, uid=UIDS, namespace=st.just("n"), name=st.just("x"), state=st.sampled_from(["open", "waiting", "failed"])
)
JOBS_ = st.builds(Job, uid=UIDS, namespace=st.just("n"), name=st.just("x"), result=st.sampled_from(["", "failed"]))
LISTS = st.one_of(
    st.tuples(st.just(CODERUNS), st.lists(RUNS, unique_by=lambda one: one.uid)),
    st.tuples(st.just(JOBS), st.lists(JOBS_, unique_by=lambda one: one.uid)),
)
CHANGES = st.one_of(
    *(
        st.builds(lambda one, kind=kind: Change(kind, "*", one.uid, one), some)
        for kind, some in ((CODERUNS, RUNS), (JOBS, JOBS_))
    ),
    st.builds(lambda kind, uid: Change(kind, "*", uid, None), st.sampled_from([CODERUNS, JOBS]), UIDS),
)


@given(st.lists(st.one_of(LISTS, CHANGES), max_size=12))
def test_the_index_has_the_unfinished_objects(steps):
    """Lists replace all records; changes add, update and delete one."""
    cache = ObjectCache(thresholds=Thresholds())
    for step in steps:
        if isinstance(step, Change):
            cache.apply(step)
        else:
            cache.replace(step[0], "*", {one.uid: one for one in step[1]})
        assert {id(one) for one in cache.unfinished.runs} == {id(one) for one in cache.runs if not one.terminal}
        assert {id(one) for one in cache.unfinished.jobs} == {id(one) for one in cache.jobs if not one.result}
