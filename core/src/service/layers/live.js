'use strict';
(() => {
  const script = new URL(document.currentScript.src);
  // When this page was asked for: what changed before is in it.
  let from = Date.now() - performance.now();
  let source, timer;

  const stop = () => {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  };

  const reload = async () => {
    stop();
    // While a folder is made anew, there may be nothing, or a refusal that would never load again.
    const reply = await fetch(location.href, { cache: 'no-store' }).catch(() => undefined);
    const next = await reply?.text().catch(() => undefined);
    if (!next?.includes(script.pathname)) {
      timer = setTimeout(start, 1000);
      return;
    }
    if (location.hash) return location.reload();
    try {
      sessionStorage.setItem('thimble.live', JSON.stringify([location.href, scrollX, scrollY]));
    } catch {}
    // A reload would ask whether to send a form again.
    location.replace(location.href);
  };

  const isAt = (link, path) => {
    const url = new URL(link.href);
    try {
      return url.origin === script.origin && decodeURIComponent(url.pathname) === path;
    } catch {
      return false;
    }
  };

  const restyle = ({ data }) => {
    const links = [...document.querySelectorAll('link[rel~=stylesheet][href]')];
    const changed = links.filter((link) => isAt(link, data));
    if (!changed.length) return reload();
    from = Date.now();
    for (const link of changed) {
      const url = new URL(link.href);
      url.searchParams.set('live', Math.round(from));
      const next = link.cloneNode();
      next.href = url;
      // Until the new one is there, the old one stays.
      next.onload = next.onerror = () => link.remove();
      link.after(next);
    }
  };

  // A page that nobody sees holds no connection: a browser has six for a site.
  const start = () => {
    stop();
    if (document.hidden) return;
    const url = new URL('live', script);
    url.searchParams.set('age', Math.max(0, Math.ceil(Date.now() - from)));
    source = new EventSource(url);
    source.addEventListener('page', reload);
    source.addEventListener('style', restyle);
    source.onerror = () => {
      stop();
      timer = setTimeout(start, 1000);
    };
  };

  try {
    const [href, x, y] = JSON.parse(sessionStorage.getItem('thimble.live')) ?? [];
    sessionStorage.removeItem('thimble.live');
    if (href === location.href) {
      scrollTo(x, y);
      addEventListener('load', () => scrollTo(x, y));
    }
  } catch {}
  document.addEventListener('visibilitychange', start);
  addEventListener('pagehide', stop);
  addEventListener('pageshow', (event) => event.persisted && start());
  start();
})();
