// Stands right behind its field, so that the field is there before anything is painted.
const wanted = document.getElementById("wanted");
const found = document.getElementById("found");
const rows = () => [...document.getElementById(wanted.getAttribute("aria-controls")).children];
wanted.addEventListener("input", () => {
  const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const row of rows()) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
    count += row.hidden ? 0 : 1;
  }
  const { none, one, many } = found.dataset;
  found.textContent = count === 0 ? none : `${count} ${count === 1 ? one : many}`;
});
// Enter goes on when one is left, and never to what is unseen.
wanted.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  const left = rows().filter((row) => !row.hidden);
  if (left.length === 1) left[0].querySelector("button, a").click();
});
document.getElementById("search").hidden = false;
