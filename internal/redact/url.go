package redact

import (
	"strings"
	"unicode/utf8"
)

// url removes the credentials of the URL (RFC 3986, section 3.2.1) whose separator :// is f.view[at:after]. Even a user name
// without a password goes, because many services take a token there; only git@ stays, the account that all share.
func (f *finder) url(at, after int) {
	const longestAuthority = 512 // bytes, for passwords that hold a slash
	s := f.view
	if !isAlnum(before(s, at)) {
		return
	}
	end := after + run(s[after:], func(c byte) bool { return c > ' ' && strings.IndexByte("/?#\"'<>`\\,;", c) < 0 })
	cut := strings.LastIndexByte(s[after:end], '@')
	if colon := strings.IndexByte(s[after:end], ':'); cut < 0 && colon >= 0 {
		// A colon that no port follows starts a password, which should be escaped but isn't.
		port := s[after+colon+1 : end]
		if run(port, isDigit) != len(port) || port == "" || end < len(s) && s[end] != '/' {
			limit := min(len(s), after+longestAuthority)
			far := after + run(s[after:limit], func(c byte) bool { return c > ' ' && strings.IndexByte("\"'<>`", c) < 0 })
			cut = strings.LastIndexByte(s[after:far], '@')
		}
	}
	if cut < 0 || s[after:after+cut] == "git" {
		return
	}
	f.spans = append(f.spans, span{after, after + cut + 1, ruleUserinfo, ""})
	f.userinfo = append(f.userinfo, after+cut)
}

// agentAddresses are those under which coding agents and forges sign commits. They name no person, and the trail needs them to tell who
// wrote what. The list is closed on purpose: a noreply address of any other domain can name a customer.
const agentAddresses = " noreply@anthropic.com noreply@openai.com codex@openai.com noreply@github.com copilot@github.com cursoragent@cursor.com " +
	"noreply@cursor.com noreply@aider.chat aider@aider.chat gemini-cli@google.com noreply@google.com noreply@devin.ai amp@ampcode.com "

// botNames are the accounts of agents at users.noreply.github.com, besides those that end in [bot].
const botNames = " copilot claude codex cursoragent github-actions "

// emails adds the e-mail addresses.
func (f *finder) emails() {
	s := f.view
	for at := 0; ; at++ {
		i := strings.IndexByte(s[at:], '@')
		if i < 0 {
			break
		}
		at += i
		for len(f.userinfo) > 0 && f.userinfo[0] < at {
			f.userinfo = f.userinfo[1:]
		}
		if len(f.userinfo) == 0 || f.userinfo[0] != at {
			f.email(at, at+1)
		}
	}
	for at := 0; ; at++ {
		i := strings.Index(s[at:], "%40")
		if i < 0 {
			break
		}
		at += i
		f.email(at, at+3)
	}
}

// email adds the address whose separator, @ or %40, is f.view[at:after], unless it's the address of an agent or an SSH remote.
func (f *finder) email(at, after int) {
	const longestLocal, longestDomain = 256, 253 // bytes; RFC 5321 allows 64 before the @
	s := f.view
	low := max(0, at-longestLocal)
	start := at
	if strings.HasSuffix(s[low:at], "[bot]") {
		start -= len("[bot]")
	}
	for start > low && isLocal(s[start-1]) {
		start--
	}
	for start < at && (s[start] == '.' || s[start] == '\'' || s[start] == '-') {
		start++
	}
	for start < at && !utf8.RuneStart(s[start]) {
		start++ // the limit fell into a rune
	}
	end := after + domainLength(s[after:min(len(s), after+longestDomain)])
	for end > after && end < len(s) && !utf8.RuneStart(s[end]) {
		end--
	}
	if start == at || end == after {
		return
	}
	local, domain := strings.ToLower(s[start:at]), strings.ToLower(s[after:end])
	switch {
	case local == "git":
		return
	case has(agentAddresses, local+"@"+domain):
		return
	case domain == "users.noreply.github.com":
		name := local[strings.IndexByte(local, '+')+1:]
		if strings.HasSuffix(name, "[bot]") || has(botNames, name) {
			return
		}
	}
	f.add(start, end, ruleEmail)
}

func isLocal(c byte) bool {
	return isAlnum(c) || c >= utf8.RuneSelf || strings.IndexByte("._+-%'!#$^~", c) >= 0
}

// domainLength returns the length of the domain at the start of s, 0 if there is none: labels with dots between them, the last of letters
// only. That and the check of the first two keep module@v1.2.3 and package@1.0.0-rc.beta.
func domainLength(s string) int {
	n := run(s, func(c byte) bool { return isAlnum(c) || c == '-' || c == '.' || c >= utf8.RuneSelf })
	for n > 0 {
		dot := strings.LastIndexByte(s[:n], '.')
		if dot <= 0 {
			return 0
		}
		top := s[dot+1 : n]
		ok := len(top) >= 2
		for i := 0; i < len(top) && ok; i++ {
			ok = isLetter(top[i]) || top[i] >= utf8.RuneSelf
		}
		if ok || strings.HasPrefix(strings.ToLower(top), "xn--") && len(top) > 4 {
			break
		}
		// A sentence may go on behind the domain: a.example. Next, or a.example-and.
		if hyphen := strings.IndexByte(top, '-'); hyphen >= 2 && run(top, isLetter) == hyphen {
			n = dot + 1 + hyphen
			continue
		}
		n = dot
	}
	if n == 0 {
		return 0
	}
	first, rest, _ := strings.Cut(s[:n], ".")
	second, _, _ := strings.Cut(rest, ".")
	version := strings.TrimPrefix(first, "v")
	if first == "" || run(version, isDigit) == len(version) && (version != "" && second != "" && isDigit(second[0])) {
		return 0
	}
	return n
}
