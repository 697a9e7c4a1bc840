#!/bin/sh
# A form, and what was sent by it. Run by a server that was started with --cgi.

cat <<'END'
Content-Type: text/html; charset=utf-8
Cache-Control: no-store

<!DOCTYPE html>
<html lang="en">
<title>A form in sh – Thimble</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/style.css">
<main id="main">
<h1>A form in sh</h1>
<dl class="try">
END

head -c "${CONTENT_LENGTH:-0}" | LC_ALL=C awk '
function decode(text, out, at, code) {
    gsub(/\+/, " ", text)
    while ((at = index(text, "%")) > 0) {
        code = tolower(substr(text, at + 1, 2))
        out = out substr(text, 1, at - 1) (code in octet ? octet[code] : "%")
        text = substr(text, code in octet ? at + 3 : at + 1)
    }
    return out text
}
function escape(text) {
    gsub(/&/, "\\&amp;", text)
    gsub(/</, "\\&lt;", text)
    gsub(/>/, "\\&gt;", text)
    return text
}
BEGIN {
    RS = "&"
    for (number = 1; number < 256; number++) octet[sprintf("%02x", number)] = sprintf("%c", number)
}
{
    at = index($0, "=")
    name = escape(decode(at ? substr($0, 1, at - 1) : $0))
    printf "<dt>%s</dt><dd>%s</dd>\n", name, at ? escape(decode(substr($0, at + 1))) : ""
}'

cat <<'END'
</dl>
<form method="post">
<p><label for="firstname">First name</label>
<input id="firstname" name="firstname"></p>
<p><label for="message">Message</label>
<textarea id="message" name="message" rows="3"></textarea></p>
<p><button type="submit">Send</button></p>
</form>
<p><a class="back" href="/">Back</a></p>
</main>
</html>
END
