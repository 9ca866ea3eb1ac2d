(() => {
  const chart = document.querySelector("svg.chart"), cursor = document.querySelector("svg.chart .cursor");
  const readout = document.getElementById("readout");
  if (!chart) return;
  const { buckets, bucket_us } = JSON.parse(document.getElementById("data").textContent).timeline;
  const { left, right, length } = Object.fromEntries(Object.entries(chart.dataset).map(([k, v]) => [k, +v]));
  const time = us => us < 1000 ? `${us} µs` : us < 1e6 ? `${(us / 1000).toPrecision(3)} ms` : `${(us / 1e6).toPrecision(3)} s`;
  const resting = readout.textContent;
  chart.addEventListener("pointermove", event => {
    const x = new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse()).x;
    const bucket = buckets[Math.floor((x - left) / (right - left) * length / bucket_us)];
    if (!bucket) return;
    const { count, p50_us, p99_us, max_us } = bucket.latency;
    const shown = count ? `p50 ${time(p50_us)}, p99 ${time(p99_us)}, max ${time(max_us)}` : "no request due";
    const rate = Math.round(bucket.ended * 1e6 / bucket_us).toLocaleString("en");
    readout.textContent = `${(bucket.at_us / 1e6).toFixed(1)} s: ${shown}; ${rate} responses per second`;
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cursor.setAttribute("visibility", "visible");
  });
  chart.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    readout.textContent = resting;
  });
})();
