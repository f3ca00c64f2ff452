// Stands right behind its field, so that the field is there before anything is painted.
const wanted = document.getElementById("wanted");
const found = document.getElementById("found");
const people = () => [...document.querySelectorAll("#people > li")];
wanted.addEventListener("input", () => {
  const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const row of people()) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
    count += row.hidden ? 0 : 1;
  }
  found.textContent = count === 0 ? "Nobody matches" : count === 1 ? "1 person" : `${count} people`;
});
// Enter signs in when one person is left, and never as somebody unseen.
wanted.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  const left = people().filter((row) => !row.hidden);
  if (left.length === 1) left[0].querySelector("button").click();
});
document.getElementById("search").hidden = false;
