// Closes the window, where the browser lets a page do that: it was opened for this alone.
window.close();
