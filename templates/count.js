for (const field of document.querySelectorAll("textarea[maxlength]")) {
  const count = document.getElementById(`${field.id}-count`);
  const show = () => { count.textContent = `${field.value.length} of ${field.maxLength} characters`; };
  field.addEventListener("input", show);
  show();
}
