// The way to Python: one worker for the page, started by the first check and ended when an answer does not end.

const SECONDS = 10; // for all laws together; a right answer takes a fraction of one
const home = new URL("../python/", import.meta.url);

let worker = null;
let job = null; // what is being checked: { exercise, tell, done, timer }

/** What this copy of the book has: { python, numpy, megabytes }. */
export const site = async () => {
  const answer = await fetch(new URL("manifest.json", home));
  return answer.ok ? answer.json() : { python: false, numpy: false };
};

const finish = (told) => {
  const { done, timer } = job;
  clearTimeout(timer);
  job = null;
  done(told);
};

/** End the check that runs, and Python with it; the next check starts it again. */
export const stop = (story) => {
  worker?.terminate();
  worker = null;
  if (job) finish({ story });
};

const endless = () =>
  stop(`Stopped after ${SECONDS} seconds: is there a loop that never ends? Python starts afresh with the next check.`);

const heard = {
  loading: (megabytes) => job.tell(`Loading Python (${megabytes} MB, once) …`),
  checking: () => {
    job.tell("Checking …");
    job.timer = setTimeout(endless, SECONDS * 1000);
  },
  judged: (told) => finish(told),
  broken: (reason) => stop(`Python could not go on (${reason}). It starts afresh with the next check.`),
};

const start = () => {
  const made = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  made.onmessage = ({ data: [news, value] }) => job && heard[news](value);
  made.onerror = (event) => heard.broken(event.message || "its files could not be loaded");
  return made;
};

/** Have an answer judged: { verdict, story, printed }, or { story } alone if it came to nothing. `tell` hears how far it is. */
export const judge = (exercise, text, tell) => {
  if (job) return Promise.resolve({ story: `One at a time: ${job.exercise} is being checked.` });
  return new Promise((done) => {
    job = { exercise, tell, done };
    worker ??= start();
    worker.postMessage([exercise, text]);
  });
};
