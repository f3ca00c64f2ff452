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
