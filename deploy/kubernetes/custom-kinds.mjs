// Checks the objects of a file whose kinds KEDA and the Prometheus operator define: values by their schemas, unknown fields by their types.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";

const PACKAGES = { "keda.sh": "@kubernetes-models/keda", "monitoring.coreos.com": "@kubernetes-models/prometheus-operator" };

const [file] = process.argv.slice(2);
const typed = [];
for (const document of parseAllDocuments(readFileSync(file, "utf8"))) {
  const object = document.toJS();
  const from = PACKAGES[object.apiVersion.split("/")[0]];
  if (!from) continue;
  const path = `${from}/${object.apiVersion}/${object.kind}`;
  const { [object.kind]: Model } = await import(path);
  try {
    new Model(object).validate();
  } catch (error) {
    console.error(`${object.kind} ${object.metadata.name}: ${error.message}`);
    process.exitCode = 1;
  }
  typed.push(`import { I${object.kind} as T${typed.length} } from "${path}";\nexport const o${typed.length}: T${typed.length} = ${JSON.stringify(object)};\n`);
}
writeFileSync("typed.ts", typed.join(""));
try {
  execFileSync("node_modules/.bin/tsc", ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "typed.ts"], { stdio: ["ignore", 2, 2] });
} catch {
  process.exitCode = 1;
}
console.log(typed.length);
