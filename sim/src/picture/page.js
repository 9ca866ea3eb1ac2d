"use strict";
(() => {
  const run = JSON.parse(document.getElementById("run").textContent);
  const rows = [...document.querySelectorAll(".step")];
  const last = run.places.length - 1;
  const [where, what, places] = ["where", "what", "places"].map((id) => document.getElementById(id));
  let at = 0;

  const show = (step) => {
    rows[at].classList.remove("selected");
    at = Math.max(0, Math.min(last, step));
    rows[at].classList.add("selected");
    rows[at].scrollIntoView({ block: "nearest", inline: "nearest" });
    where.textContent = at === run.wrong ? `after step ${at} of ${last}: this is where it goes wrong` : `after step ${at} of ${last}`;
    what.textContent = run.what[at];
    places.replaceChildren(...run.places[at].map((line) => Object.assign(document.createElement("li"), { textContent: line })));
    if (run.places[at].length === 0) {
      places.replaceChildren(Object.assign(document.createElement("li"), { textContent: "nothing is on any arc, and nobody holds anything" }));
    }
  };

  const keys = {
    ArrowDown: () => at + 1, j: () => at + 1, ArrowUp: () => at - 1, k: () => at - 1,
    PageDown: () => at + 10, PageUp: () => at - 10, Home: () => 0, End: () => last,
  };
  document.addEventListener("keydown", (event) => {
    const next = keys[event.key];
    if (next && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      show(next());
    }
  });
  rows.forEach((row) => row.addEventListener("click", () => show(Number(row.dataset.step))));
  show(run.wrong ?? 0);
})();
