// The page as a whole: its language, its feed, its clock.

const drawTexts = () => {
  document.documentElement.lang = language;
  document.title = t("title");
  document.querySelectorAll("[data-t]").forEach((place) => { place.textContent = t(place.dataset.t); });
  document.querySelectorAll("[data-t-label]").forEach((place) => place.setAttribute("aria-label", t(place.dataset.tLabel)));
  ["id", "en"].forEach((name) => byId(`lang-${name}`).setAttribute("aria-pressed", String(name === language)));
  drawFaultChoices();
};

const drawConnection = (live) => {
  const place = byId("connection");
  place.textContent = live ? t("connected") : t("disconnected");
  place.classList.toggle("off", !live);
  document.body.classList.toggle("stale", !live);
};

const drawSpeed = () => {
  if (!model.host) return;
  const faster = 1 / model.host.scale;
  byId("speed").textContent = faster === 1 ? t("speedReal") : t("speedFast", Number(faster.toPrecision(3)));
};

const draw = () => {
  drawPhone();
  drawWire();
  drawFaults();
  drawBooks();
  drawStory();
  drawSpeed();
};

let live = false;

const speak = (chosen) => {
  language = chosen;
  kept.set("language", chosen);
  drawTexts();
  drawConnection(live);
  draw();
};

let followed = null;

// Each feed takes one of the six connections that a browser opens to an address: a tab that nobody sees has none.
const follow = () => {
  if (document.hidden || followed) return;
  const feed = new EventSource("feed");
  followed = feed;
  feed.addEventListener("open", () => { live = true; drawConnection(live); });
  feed.addEventListener("error", () => {
    live = false;
    drawConnection(live);
    // A sandbox that turned us away is asked again by hand; one that is gone, by the browser itself.
    if (feed.readyState === EventSource.CLOSED && followed === feed) {
      followed = null;
      setTimeout(follow, 2000);
    }
  });
  feed.addEventListener("message", (event) => {
    const news = JSON.parse(event.data);
    const { fresh, before } = take(news);
    if (!fresh) noticePayments(news, before);
    else if (openPrompts().length && !openPrompts().some((payment) => payment.phone === phone.number)) {
      phone.number = openPrompts()[0].phone;
    }
    draw();
  });
};

const followWhileSeen = () => {
  if (document.hidden && followed) {
    followed.close();
    followed = null;
    live = false;
    drawConnection(live);
  }
  follow();
};

// Between messages time goes on: countdowns, and answers that were made and leave later.
const tick = () => {
  const now = new Date();
  byId("wall").textContent = now.toLocaleTimeString("id-ID", { hour: "2-digit", minute: "2-digit", timeZone: "Asia/Jakarta" });
  if (!model.host) return;
  drawScreen();
  const pending = [...model.requests.values()].some((request) => request.answered_ms !== null
    && request.answered_ms > hostNow() - 2000);
  if (pending) { drawWire(); drawStory(); }
};

preparePhone();
prepareFaults();
byId("lang-id").addEventListener("click", () => speak("id"));
byId("lang-en").addEventListener("click", () => speak("en"));
byId("start-over").addEventListener("click", () => {
  if (confirm(t("startOverSure"))) control(() => ask("POST", "reset"));
});
document.addEventListener("visibilitychange", followWhileSeen);
drawTexts();
drawConnection(false);
draw();
follow();
setInterval(tick, 200);
