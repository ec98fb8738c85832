// Reads what jest wrote with --json, for .ci/run.
//   failed-files FILE      paths of the test files that failed, one a line
//   failures FILE          each failed test by name, for people
//   counts FIRST [SECOND]  "passed failed": every test once; for files that SECOND ran, what they did there counts
import { existsSync, readFileSync } from "node:fs";
import { relative } from "node:path";

const [, , wish, ...paths] = process.argv;
// A run that was ended from outside has written nothing.
const [first, second] = paths.filter((path) => existsSync(path)).map((path) => JSON.parse(readFileSync(path, "utf8")));

const pathOf = (file) => relative(process.cwd(), file.name);
const isFailed = (file) => file.status === "failed";
const testsOf = (file, status) => file.assertionResults.filter((test) => test.status === status);
/** A file that could not even be run has no tests, and counts as one failure. */
const failuresOf = (file) =>
  testsOf(file, "failed").length + (isFailed(file) && testsOf(file, "failed").length === 0 ? 1 : 0);

/** Results of all files; of a file that ran twice the later one. A second run that told nothing changes nothing. */
function lastResults() {
  const again = new Map((second?.testResults ?? []).map((file) => [file.name, file]));
  return first.testResults.map((file) => again.get(file.name) ?? file);
}

function counts() {
  const results = lastResults();
  const passed = results.reduce((sum, file) => sum + testsOf(file, "passed").length, 0);
  const failed = results.reduce((sum, file) => sum + failuresOf(file), 0);
  return `${passed} ${passed + failed === 0 ? 1 : failed}`;
}

function failures() {
  const lines = first.testResults.filter(isFailed).flatMap((file) => {
    const names = testsOf(file, "failed").map((test) => test.fullName);
    return (names.length > 0 ? names : ["could not be run"]).map((name) => `  failed: ${pathOf(file)}: ${name}`);
  });
  return lines.join("\n");
}

const answers = {
  "failed-files": () => first.testResults.filter(isFailed).map(pathOf).join("\n"),
  failures,
  counts,
};
const text = answers[wish]();
if (text !== "") console.log(text);
