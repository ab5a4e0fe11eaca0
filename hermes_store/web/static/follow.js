// Shows messages as they are stored. Without it the page is read the same, and reloaded by hand.
"use strict";

const messages = document.getElementById("messages");
const state = document.getElementById("following");
const events = new EventSource(messages.dataset.follow);

function isAtTheEnd() {
  return window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 80;
}

events.addEventListener("open", () => { state.textContent = "New messages are shown as they come."; });
events.addEventListener("message", (event) => {
  const follows = isAtTheEnd();
  messages.insertAdjacentHTML("beforeend", event.data); // the server has escaped what is stored
  if (follows) window.scrollTo(0, document.documentElement.scrollHeight);
});
events.addEventListener("gone", () => { events.close(); state.textContent = "The session was deleted."; });
events.addEventListener("error", () => { state.textContent = "The server does not answer; start it, and load the page again."; });
