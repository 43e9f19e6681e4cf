package shell

import (
	"net/url"
	"path"
	"strings"
)

// Everything of a command line that leaves this package passes through one of
// the functions in this file. Each lets a tight pattern of bounded length
// through and answers "" to all else: nothing is better than a leak.

// matches reports whether s has 1 to limit bytes, each a letter, a digit or in
// extra.
func matches(s, extra string, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isAlnum(c) && strings.IndexByte(extra, c) < 0 {
			return false
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || isDigit(c)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// secretPrefixes start tokens of common issuers. The recorder redacts with a
// full rule set; this list only keeps the obvious out of names that would
// otherwise fit their pattern.
const secretPrefixes = " ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- gldt- sk- sk_live_ sk_test_ rk_live_ pk_live_ xoxb- xoxp- xoxa- xoxe- AKIA ASIA AIza ya29. eyJ npm_ pypi- hf_ dop_v1_ shpat_ SG. whsec_ tskey- "

// looksSecret reports whether s holds what only a machine would have made up: a
// known token prefix, or a run of more than limit letters and digits mixed.
func looksSecret(s string, limit int) bool {
	for start := 0; start < len(s); {
		if !isAlnum(s[start]) {
			start++
			continue
		}
		end, digits, letters := start, 0, 0
		for end < len(s) && isAlnum(s[end]) {
			if isDigit(s[end]) {
				digits++
			} else {
				letters++
			}
			end++
		}
		if end-start > limit && digits > 1 && letters > 1 {
			return true
		}
		start = end
	}
	for p := range strings.FieldsSeq(secretPrefixes) {
		i := strings.Index(s, p)
		if i < 0 || len(s)-i < len(p)+8 {
			continue
		}
		if i == 0 || !isAlnum(s[i-1]) {
			return true
		}
	}
	return false
}

// cleanProgram lets the base name of a program through.
func cleanProgram(s string) string {
	s = path.Base(s)
	if matches(s, "._+-", 32) && isAlnum(s[0]) && !looksSecret(s, 15) {
		return s
	}
	if s == "[" || s == ":" || s == "." {
		return s
	}
	return ""
}

// cleanSubcommand lets words of this package's own lists through, joined by
// spaces.
func cleanSubcommand(s string) string {
	if matches(s, " :._-", 40) && !looksSecret(s, 15) {
		return s
	}
	return ""
}

// cleanRef lets the name of a branch or a tag through, without refs/heads/ and
// its like.
func cleanRef(s string) string {
	for _, prefix := range [...]string{"refs/heads/", "refs/tags/", "refs/"} {
		if rest, ok := strings.CutPrefix(s, prefix); ok {
			s = rest
			break
		}
	}
	if !matches(s, "._/+#-", 120) || s[0] == '-' || s[0] == '/' || strings.Contains(s, "..") || looksSecret(s, 28) {
		return ""
	}
	return s
}

// cleanSHA lets a commit id through, as git prints it: 7 to 64 lower-case
// hexadecimal digits.
func cleanSHA(s string) string {
	if len(s) < 7 || len(s) > 64 {
		return ""
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isDigit(c) && (c < 'a' || c > 'f') {
			return ""
		}
	}
	return s
}

// cleanRepo lets "owner/repo" or "group/sub/project" through.
func cleanRepo(s string) string {
	s = strings.TrimSuffix(strings.Trim(s, "/"), ".git")
	if !matches(s, "._/-", 120) || looksSecret(s, 28) {
		return ""
	}
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 6 {
		return ""
	}
	for _, p := range parts {
		if p == "" || p == "." || p == ".." {
			return ""
		}
	}
	return s
}

// cleanPackage lets the name of a package, image, chart, release or app
// through: "left-pad", "@scope/name", "registry.example.com/team/app".
func cleanPackage(s string) string {
	rest := strings.TrimPrefix(s, "@")
	if !matches(rest, "._/:-", 120) || !isAlnum(rest[0]) || looksSecret(rest, 20) {
		return ""
	}
	return s
}

// cleanVersion lets a version through: "1.2.3-rc.1+build".
func cleanVersion(s string) string {
	if !matches(s, "._+-", 48) || strings.IndexFunc(s, func(r rune) bool { return '0' <= r && r <= '9' }) < 0 || looksSecret(s, 20) {
		return ""
	}
	return s
}

// cleanPath lets a relative path through that stays below its directory. An @
// passes only in front, as in "@scope/name"; elsewhere it may be an address.
func cleanPath(dir, s string) string {
	if s == "" || s[0] == '/' || s[0] == '-' || s[0] == '~' || !isStatic(s) {
		return ""
	}
	s = path.Join(dir, s)
	if !matches(s, "._/+@=-", 200) || s == "." || s == ".." || strings.HasPrefix(s, "../") || looksSecret(s, 20) {
		return ""
	}
	for part := range strings.SplitSeq(s, "/") {
		if strings.LastIndexByte(part, '@') > 0 {
			return ""
		}
	}
	return s
}

// cleanURL lets scheme, host and path of an http URL through: no user, query or
// fragment, and the path only up to the first part that could be a secret, as
// the addresses of web hooks have them.
func cleanURL(s string) string {
	if !isStatic(s) || len(s) > 2000 {
		return ""
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !matches(u.Host, ".:-[]", 120) {
		return ""
	}
	kept := u.Scheme + "://" + u.Host
	if looksSecret(u.Host, 40) {
		return ""
	}
	if u.Path == "" {
		return kept
	}
	for part := range strings.SplitSeq(strings.TrimPrefix(u.EscapedPath(), "/"), "/") {
		if part == "" {
			kept += "/"
			break
		}
		if !matches(strings.TrimPrefix(part, "@"), "._~+-", 80) || looksSecret(part, 19) || len(kept)+len(part) > 200 {
			break
		}
		kept += "/" + part
	}
	return kept
}

// cleanEnvironment maps the name of an environment onto a closed vocabulary;
// other names are not told.
func cleanEnvironment(s string) string {
	switch strings.ToLower(s) {
	case "production", "prod", "prd", "live":
		return "production"
	case "staging", "stage", "stg", "preprod", "uat":
		return "staging"
	case "preview", "review":
		return "preview"
	case "development", "develop", "dev", "sandbox", "local":
		return "development"
	case "test", "testing", "qa", "ci":
		return "test"
	}
	return ""
}

// environmentIn finds the name of an environment among the parts of a name, as
// in "shop-prod", "fly.staging.toml" or "acme/prod".
func environmentIn(names ...string) string {
	for _, n := range names {
		if !isStatic(n) {
			continue
		}
		for part := range strings.FieldsFuncSeq(n, func(r rune) bool { return strings.ContainsRune("-_./:@", r) }) {
			if e := cleanEnvironment(part); e != "" {
				return e
			}
		}
	}
	return ""
}
