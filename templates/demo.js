const left = document.getElementById("left");
if (left) {
  const meter = document.getElementById("lifetime");
  // Counted from the page's own start: the gateway's clock may not be the visitor's.
  const atLoad = Number(left.dataset.left);
  const words = (seconds) => {
    if (seconds <= 0) return "Expired";
    const [d, h, m, s] = [seconds / 86400, (seconds / 3600) % 24, (seconds / 60) % 60, seconds % 60].map(Math.floor);
    if (d > 0) return `${d} d ${h} h left`;
    if (h > 0) return `${h} h ${m} min left`;
    return m > 0 ? `${m} min ${s} s left` : `${s} s left`;
  };
  const tick = () => {
    const seconds = Math.round(atLoad - performance.now() / 1000);
    left.textContent = words(seconds);
    meter.value = meter.max - Math.max(seconds, 0);
    if (seconds > 0) setTimeout(tick, 1000);
  };
  tick();
}
