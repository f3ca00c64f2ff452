for (const button of document.querySelectorAll("button[data-copy]")) {
  const label = button.textContent;
  let back;
  button.hidden = !navigator.clipboard;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Could not copy";
    }
    clearTimeout(back);
    back = setTimeout(() => { button.textContent = label; }, 2000);
  });
}
