// Python itself, in a worker of its own: the page stays responsive, and an answer that never ends can be ended.

const home = new URL("../python/", import.meta.url);
let judge = null;

const get = async (name) => {
  const answer = await fetch(new URL(name, home));
  if (!answer.ok) throw new Error(`${name} is not there`);
  return answer;
};

const load = async () => {
  const { numpy, megabytes } = await (await get("manifest.json")).json();
  postMessage(["loading", megabytes]);
  const { loadPyodide } = await import(new URL("pyodide.mjs", home));
  const python = await loadPyodide({ indexURL: home.href, packageBaseUrl: home.href });
  if (numpy) await python.loadPackage("numpy", { messageCallback: () => {} });
  if (numpy && !("numpy" in python.loadedPackages)) throw new Error("NumPy could not be loaded");
  python.unpackArchive(await (await get("headstart.zip")).arrayBuffer(), "zip");
  return python.pyimport("headstart.press.try_it_judge").judge;
};

onmessage = async ({ data: [exercise, text] }) => {
  try {
    judge ??= await load();
    postMessage(["checking"]);
    postMessage(["judged", JSON.parse(judge(exercise, text))]);
  } catch (error) {
    postMessage(["broken", error.message.trim().split("\n").at(-1)]);
  }
};
