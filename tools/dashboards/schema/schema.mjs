// Prints one JSON object: for a dashboard and for each kind of panel that is used here, the JSON Schema of its types.
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const here = createRequire(path.join(process.cwd(), "package.json"));
const { createGenerator } = await import(pathToFileURL(here.resolve("ts-json-schema-generator")));
const types = "node_modules/@grafana/schema/dist/types/raw";
const kinds = { "stat": "stat", "table": "table", "timeseries": "timeseries", "state-timeline": "statetimeline", "bargauge": "bargauge" };

const schema = (folder, type) =>
  createGenerator({ path: `${types}/${folder}/x/types.gen.d.ts`, type, skipTypeCheck: true, expose: "all" }).createSchema(type);

const made = { dashboard: schema("dashboard", "Dashboard") };
for (const [kind, folder] of Object.entries(kinds)) made[kind] = schema(`composable/${folder}/panelcfg`, "*");
console.log(JSON.stringify(made));
