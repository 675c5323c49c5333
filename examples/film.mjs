// A film from Node 18+, without a package, signing its own token:  klingmock exec --pace instant -- node examples/film.mjs
import { createHmac } from "node:crypto";

const { KLING_BASE_URL, KLING_ACCESS_KEY, KLING_SECRET_KEY } = process.env;
const tasks = `${KLING_BASE_URL}/v1/videos/multi-image2video`;

function token() {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const text = `${part({ alg: "HS256", typ: "JWT" })}.${part({ iss: KLING_ACCESS_KEY, exp: now + 1800, nbf: now - 5 })}`;
  return `${text}.${createHmac("sha256", KLING_SECRET_KEY).update(text).digest("base64url")}`;
}

async function ask(url, wish) {
  const headers = { Authorization: `Bearer ${token()}`, "Content-Type": "application/json" };
  const reply = await fetch(url, { method: wish ? "POST" : "GET", headers, body: wish && JSON.stringify(wish) });
  const { code, message, data } = await reply.json();
  if (code !== 0) throw new Error(`${code} ${message}`);
  return data;
}

let task = await ask(tasks, { image_list: [{ image: "https://example.com/dog.png" }], prompt: "a dog" });
while (!["succeed", "failed"].includes(task.task_status)) {
  await new Promise((wake) => setTimeout(wake, 50));
  task = await ask(`${tasks}/${task.task_id}`);
}
console.log(`task ${task.task_id}: ${task.task_status} ${task.task_result?.videos[0].url ?? task.task_status_msg}`);
process.exitCode = task.task_status === "succeed" ? 0 : 1;
