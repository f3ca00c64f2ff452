const search = document.getElementById("search");
if (search) {
  const wanted = document.getElementById("wanted");
  const found = document.getElementById("found");
  const rows = [...document.querySelectorAll("#people > li")].map((row) => [row, row.textContent.toLowerCase()]);
  const filter = () => {
    const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const [row, text] of rows) {
      row.hidden = !words.every((word) => text.includes(word));
      count += row.hidden ? 0 : 1;
    }
    found.textContent = count === 0 ? "Nobody matches" : count === 1 ? "1 person" : `${count} people`;
  };
  wanted.addEventListener("input", filter);
  // Enter signs in when one person is left, and never as somebody unseen.
  wanted.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const left = rows.filter(([row]) => !row.hidden);
    if (left.length === 1) left[0][0].querySelector("button").click();
  });
  search.hidden = false;
  filter();
}

const claims = document.getElementById("claims");
const complaint = document.getElementById("claims-error");
const problem = (text) => {
  if (text.trim() === "") return "";
  try {
    const value = JSON.parse(text);
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return "";
    return "This has to be an object: { … }.";
  } catch (error) {
    return `This is not JSON yet: ${error.message}`;
  }
};
let pause;
claims.addEventListener("input", () => {
  const message = problem(claims.value);
  claims.setCustomValidity(message);
  clearTimeout(pause);
  // A good text clears the complaint at once; a bad one may be half typed.
  pause = setTimeout(() => {
    complaint.textContent = message;
    complaint.hidden = message === "";
    claims.setAttribute("aria-invalid", String(message !== ""));
  }, message === "" ? 0 : 600);
});
