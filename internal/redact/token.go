package redact

import "strings"

// A tokenPrefix is a prefix under which a service issues secrets. The vendor rules know the exact lengths; this table also catches
// tokens that are cut, made up, newer than the rules, or run on into other text.
type tokenPrefix struct {
	prefix string
	least  int    // characters that must follow
	more   string // characters of the token besides letters, digits, _ and -
	words  bool   // ordinary names start like this too, so what follows must look random
	solid  bool   // names of several words start like this, so the least must be letters and digits
}

var tokenPrefixes = [...]tokenPrefix{
	{prefix: "sk-ant-", least: 8},
	{prefix: "sk-proj-", least: 8},
	{prefix: "sk-svcacct-", least: 8},
	{prefix: "sk-admin-", least: 8},
	{prefix: "sk-or-", least: 8},
	{prefix: "sk-", least: 16, words: true},
	{prefix: "sk_live_", least: 6},
	{prefix: "sk_test_", least: 6},
	{prefix: "rk_live_", least: 6},
	{prefix: "rk_test_", least: 6},
	{prefix: "whsec_", least: 8, more: "+/="},
	{prefix: "ghp_", least: 8},
	{prefix: "gho_", least: 8},
	{prefix: "ghu_", least: 8},
	{prefix: "ghs_", least: 8, more: "."},
	{prefix: "ghr_", least: 8},
	{prefix: "github_pat_", least: 8},
	{prefix: "glpat-", least: 8, more: "."},
	{prefix: "gldt-", least: 8},
	{prefix: "glrt-", least: 8, more: "."},
	{prefix: "glcbt-", least: 8},
	{prefix: "glptt-", least: 8},
	{prefix: "glft-", least: 8},
	{prefix: "glsoat-", least: 8},
	{prefix: "gloas-", least: 8},
	{prefix: "AKIA", least: 12},
	{prefix: "ASIA", least: 12, words: true},
	{prefix: "ABSK", least: 32, more: "+/="},
	{prefix: "AIza", least: 24},
	{prefix: "ya29.", least: 16, more: "."},
	{prefix: "GOCSPX-", least: 12},
	{prefix: "1//0", least: 24},
	{prefix: "xoxb-", least: 8},
	{prefix: "xoxp-", least: 8},
	{prefix: "xoxa-", least: 8},
	{prefix: "xoxr-", least: 8},
	{prefix: "xoxs-", least: 8},
	{prefix: "xoxe-", least: 8},
	{prefix: "xoxe.", least: 8, more: "."},
	{prefix: "xapp-", least: 8},
	{prefix: "hooks.slack.com/services/", least: 8, more: "/"},
	{prefix: "discord.com/api/webhooks/", least: 16, more: "/"},
	{prefix: "npm_", least: 20, words: true},
	{prefix: "pypi-AgE", least: 16},
	{prefix: "rubygems_", least: 16, words: true},
	{prefix: "dckr_pat_", least: 12},
	{prefix: "hf_", least: 20, words: true},
	{prefix: "gsk_", least: 20, words: true},
	{prefix: "xai-", least: 20, words: true},
	{prefix: "r8_", least: 20, words: true},
	{prefix: "pplx-", least: 20, words: true},
	{prefix: "nvapi-", least: 20, words: true},
	{prefix: "lsv2_", least: 20},
	{prefix: "pcsk_", least: 20},
	{prefix: "dop_v1_", least: 16},
	{prefix: "doo_v1_", least: 16},
	{prefix: "dor_v1_", least: 16},
	{prefix: "shpat_", least: 16},
	{prefix: "shpss_", least: 16},
	{prefix: "sq0atp-", least: 16},
	{prefix: "sq0csp-", least: 16},
	{prefix: "EAACEdEose0cBA", least: 8},
	{prefix: "hvs.", least: 20},
	{prefix: "hvb.", least: 20},
	{prefix: "tskey-", least: 12},
	{prefix: "ATATT3", least: 16, more: "="},
	{prefix: "lin_api_", least: 16},
	{prefix: "ntn_", least: 20, words: true},
	{prefix: "figd_", least: 16},
	{prefix: "sbp_", least: 20, words: true},
	{prefix: "sntrys_", least: 20, more: "+/="},
	{prefix: "glsa_", least: 16},
	{prefix: "glc_", least: 20, more: "+/="},
	{prefix: "SG.", least: 20, more: ".", words: true},
	{prefix: "AGE-SECRET-KEY-1", least: 20},
	{prefix: "fo1_", least: 20},
	{prefix: "fm2_", least: 20, more: "+/="},
	{prefix: "atlasv1.", least: 20},
	{prefix: "PMAK-", least: 16},
	{prefix: "NRAK-", least: 16},
	{prefix: "rdme_", least: 20, words: true},
	{prefix: "whodid_", least: 20, solid: true}, // our own; the names of our roles and functions start like it
}

// token adds the token that starts with p at f.view[at], if there is one.
func (f *finder) token(p *tokenPrefix, at int) {
	s := f.view
	if at < f.wordEnd || !strings.HasPrefix(s[at:], p.prefix) || at > 0 && isAlnum(s[at-1]) {
		return
	}
	part := func(c byte) bool { return isToken(c) || strings.IndexByte(p.more, c) >= 0 }
	from := at + len(p.prefix)
	end := from + run(s[from:min(len(s), from+judgedWidth)], part)
	for end > from && s[end-1] == '.' {
		end-- // ends the sentence
	}
	tail := s[from:end]
	if len(tail) < p.least {
		return
	}
	if p.solid && run(tail, isAlnum) < p.least {
		return
	}
	if hexKey := len(tail) >= leastRandom && isDigest(tail); p.words && !hexKey && !looksRandom(tail) {
		return
	}
	end += run(s[end:], part)
	for s[end-1] == '.' {
		end--
	}
	f.wordEnd = end
	f.add(at, end, ruleToken)
}

// judgedWidth is how many bytes of a token say whether it's one.
const judgedWidth = 512

// jwt adds the JSON Web Token (RFC 7519) that starts at f.view[at]: two to five base64url parts with dots between them, of which the
// first holds an object and therefore starts with eyJ.
func (f *finder) jwt(at int) {
	s := f.view
	if at < f.wordEnd || !strings.HasPrefix(s[at:], "eyJ") || at > 0 && isAlnum(s[at-1]) {
		return
	}
	end := at + run(s[at:], isToken)
	parts := 1
	for ; parts < 5 && end < len(s) && s[end] == '.'; parts++ {
		n := run(s[end+1:], func(c byte) bool { return isToken(c) || c == '=' })
		if n == 0 && parts < 2 {
			break
		}
		end += 1 + n
	}
	if parts > 1 && end-at >= 16 {
		f.wordEnd = end
		f.add(at, end, ruleJWT)
	}
}

// pem adds the private key (RFC 7468, or OpenPGP armour) that starts at f.view[at]. If its end is missing, the lines that look like
// a part of it go with it.
func (f *finder) pem(at int) {
	if at < f.pemEnd {
		return
	}
	s := f.view
	end := pemBegin(s[at:])
	if end == 0 {
		return
	}
	end += at
	i := 0
	if !f.pemOpen {
		i = pemFinish(s[end:])
		f.pemOpen = i == 0 // there's none further on either, so the text is searched for it once
	}
	if i > 0 {
		end += i
	} else {
		for end < len(s) {
			n := strings.IndexByte(s[end:], '\n') + 1
			if n == 0 {
				n = len(s) - end
			}
			if !isPEMLine(s[end : end+n]) {
				break
			}
			end += n
		}
		end -= len(s[at:end]) - len(strings.TrimRight(s[at:end], "\r\n"))
	}
	f.pemEnd = end
	f.add(at, end, rulePrivateKey)
}

const pemDashes = "-----"

// pemBegin returns the length of the line that opens a private key at the start of s, 0 if there is none.
func pemBegin(s string) int {
	const longestLabel = 120
	head := s[:min(len(s), len(pemDashes)+longestLabel)]
	if !strings.HasPrefix(head, pemDashes) {
		return 0
	}
	i := strings.Index(head[len(pemDashes):], pemDashes)
	if i < 0 {
		return 0
	}
	label := head[len(pemDashes):][:i]
	if strings.IndexByte(label, '\n') >= 0 || !containsFold(label, "private key") {
		return 0
	}
	return 2*len(pemDashes) + i
}

// pemFinish returns where the first line ends that closes a private key in s, 0 if none does.
func pemFinish(s string) int {
	const closing = "-----END"
	for at := 0; ; {
		i := strings.Index(s[at:], closing)
		if i < 0 {
			return 0
		}
		at += i + len(closing)
		head := s[at:min(len(s), at+120)]
		if j := strings.Index(head, pemDashes); j >= 0 && strings.IndexByte(head[:j], '\n') < 0 {
			return at + j + len(pemDashes)
		}
	}
}

// isPEMLine tells whether the line could stand between the first and the last line of a private key: base64, a header, or nothing.
func isPEMLine(line string) bool {
	line = strings.Trim(line, " \t\r\n\\\"',+;")
	if name, _, ok := strings.Cut(line, ": "); ok {
		return name == "Proc-Type" || name == "DEK-Info" || name == "Version" || name == "Comment"
	}
	return run(line, func(c byte) bool { return isAlnum(c) || c == '+' || c == '/' || c == '=' || c == '\\' }) == len(line)
}
