// A Probot app that does ghapp's main job, as a careful author would write it.
//
// Reads PORT, API_URL, APP_ID, PRIVATE_KEY and WEBHOOK_SECRET. Octokit's throttling is off, as
// ghapp's is in the benchmarks: it would hold back comments to one in three seconds. Its retries
// stay on, as shipped. The policy of a repository is remembered until a push to its default branch.
import { readFileSync } from "node:fs";
import { pino } from "pino";
import { Probot, ProbotOctokit, Server } from "probot";
import { parse } from "yaml";

const RULES = JSON.parse(readFileSync(new URL("../rules.json", import.meta.url), "utf8"));
const PATHS = new RegExp(RULES.paths.join("|"));
const EXCLUDE = new RegExp(RULES.exclude.join("|"));
const HAZARDS = RULES.hazards.map((rule) => ({ ...rule, pattern: new RegExp(rule.match, "i") }));
const policies = new Map();

async function policyOf(context) {
  const { id } = context.payload.repository;
  if (!policies.has(id)) policies.set(id, await readPolicy(context));
  return policies.get(id);
}

async function readPolicy(context) {
  const asked = context.repo({ path: RULES.policy_path, mediaType: { format: "raw" } });
  try {
    return parse((await context.octokit.rest.repos.getContent(asked)).data) ?? {};
  } catch (error) {
    if (error.status === 404) return {};
    throw error;
  }
}

async function changed(context) {
  const { pull_request: pull } = context.payload;
  const { rest } = context.octokit;
  await policyOf(context);
  const asked = context.repo({ pull_number: pull.number, per_page: 100 });
  const files = await context.octokit.paginate(rest.pulls.listFiles, asked);
  const { touched, findings } = judged(files);
  await rest.checks.create(context.repo(checkRun(pull.head.sha, touched, findings)));
  if (touched.length === 0) return;
  const issue = context.repo({ issue_number: pull.number });
  if (!pull.labels.some((label) => label.name === RULES.waiting)) {
    await rest.issues.addLabels({ ...issue, labels: [RULES.waiting] });
  }
  const body = comment(touched, findings);
  const known = await context.octokit.paginate(rest.issues.listComments, { ...issue, per_page: 100 });
  const own = known.find((one) => one.body.startsWith(RULES.marker));
  if (own === undefined) await rest.issues.createComment({ ...issue, body });
  else if (own.body !== body) {
    await rest.issues.updateComment(context.repo({ comment_id: own.id, body }));
  }
}

async function said(context) {
  const { issue, comment: spoken } = context.payload;
  const { rest } = context.octokit;
  if (!issue.pull_request || !spoken.body.startsWith("/nfr done")) return;
  const username = spoken.user.login;
  const right = await rest.repos.getCollaboratorPermissionLevel(context.repo({ username }));
  if (!["admin", "write"].includes(right.data.permission)) return;
  const pull = await rest.pulls.get(context.repo({ pull_number: issue.number }));
  const output = { title: `Signed off by ${username}`, summary: "All questions are settled." };
  await rest.checks.create(
    context.repo({
      name: RULES.check,
      head_sha: pull.data.head.sha,
      status: "completed",
      conclusion: "success",
      output,
    }),
  );
  const at = context.repo({ issue_number: issue.number });
  await rest.issues.addLabels({ ...at, labels: [RULES.signed] });
  if (issue.labels.some((label) => label.name === RULES.waiting)) {
    await rest.issues.removeLabel({ ...at, name: RULES.waiting });
  }
}

function judged(files) {
  const touched = [];
  const findings = [];
  for (const { filename, patch } of files) {
    if (!PATHS.test(filename) || EXCLUDE.test(filename)) continue;
    touched.push(filename);
    findings.push(...hazards(filename, patch ?? ""));
  }
  return { touched, findings };
}

function hazards(path, patch) {
  const found = [];
  let number = 0;
  for (const line of patch.split("\n")) {
    if (line.startsWith("@@")) {
      number = Number.parseInt(line.split("+")[1], 10) - 1;
      continue;
    }
    if (line.startsWith("-")) continue;
    number += 1;
    if (!line.startsWith("+")) continue;
    for (const { id, say, pattern } of HAZARDS) {
      if (pattern.test(line.slice(1))) found.push({ id, path, line: number, say });
    }
  }
  return found;
}

function checkRun(sha, touched, findings) {
  const made = { name: RULES.check, head_sha: sha };
  if (touched.length === 0) {
    const output = { title: "Nothing to ask", summary: "No area is touched." };
    return { ...made, status: "completed", conclusion: "success", output };
  }
  const annotations = findings.slice(0, 50).map(({ id, path, line, say }) => ({
    path,
    start_line: line,
    end_line: line,
    annotation_level: "warning",
    title: id,
    message: say,
  }));
  const summary = touched
    .slice(0, 50)
    .map((path) => `- \`${path}\``)
    .join("\n");
  const output = { title: "Waiting for a sign-off", summary, annotations };
  return { ...made, status: "in_progress", output };
}

function comment(touched, findings) {
  return [
    RULES.marker,
    "### Database migration",
    "",
    ...touched.slice(0, 50).map((path) => `- \`${path}\``),
    "",
    ...RULES.items.map((item) => `- [ ] ${item}`),
    "",
    ...findings.slice(0, 50).map(({ id, path, line, say }) => `- ${id} \`${path}:${line}\` ${say}`),
    "",
    "A reviewer answers `/nfr done`.",
  ].join("\n");
}

function app(probot) {
  probot.on(["pull_request.opened", "pull_request.synchronize", "pull_request.reopened"], changed);
  probot.on("issue_comment.created", said);
  probot.on("push", (context) => {
    const { ref, repository } = context.payload;
    if (ref === `refs/heads/${repository.default_branch}`) policies.delete(repository.id);
  });
}

const { env } = process;
const server = new Server({
  log: pino({ level: "warn" }),
  host: "127.0.0.1",
  port: Number(env.PORT),
  webhookPath: "/webhook",
  Probot: Probot.defaults({
    appId: env.APP_ID,
    privateKey: env.PRIVATE_KEY,
    secret: env.WEBHOOK_SECRET,
    baseUrl: env.API_URL,
    Octokit: ProbotOctokit.defaults((options) => ({
      ...options,
      throttle: { ...options.throttle, enabled: false },
    })),
  }),
});
await server.load(app);
await server.start();
