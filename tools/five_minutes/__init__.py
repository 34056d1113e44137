"""The five-minute path of docs/five-minutes.md, run word for word from an empty cluster to alerts that fire."""
