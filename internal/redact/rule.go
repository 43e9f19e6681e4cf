package redact

import (
	"math"
	"regexp"
	"strings"
	"sync"
)

// A vendorRule is one rule of gitleaks. Its format is described in gitleaks' README, "Configuration".
type vendorRule struct {
	id       string
	regex    string
	keywords []string // lower case; the regex can match only round one of them
	width    int      // the most bytes that the regex can match; 0 for no limit
	entropy  float64  // bits a byte that the secret must exceed
	group    int      // the regex group with the secret; 0 for the first that isn't empty
	assign   bool     // the regex looks for name, operator, value
	allow    []allowlist
}

// An allowlist says what a rule doesn't take for a secret.
type allowlist struct {
	target    target
	regexes   []string
	stopwords string // one a line; a secret that contains one is none
}

// target is what the regexes of an allowlist are held against.
type target uint8

const (
	targetSecret target = iota
	targetMatch
	targetLine
)

// A window says how far a rule's regex has read.
type window struct {
	rule, end int
}

const (
	unboundedWidth = 4 << 10 // the window of rules without a limit
	contextWidth   = 160     // what a rule may look at before its keyword
	windowSlack    = 16      // for what's wider than a byte a character
)

// compiled holds the regular expressions of vendorRules at the same positions, made when first needed.
var compiled [len(vendorRules)]struct {
	once  sync.Once
	regex *regexp.Regexp
	allow [][]*regexp.Regexp // by allowlist
}

var globalPatterns = sync.OnceValue(func() []*regexp.Regexp { return compileAll(globalAllow.regexes) })

func compileAll(patterns []string) []*regexp.Regexp {
	all := make([]*regexp.Regexp, len(patterns))
	for i, p := range patterns {
		all[i] = regexp.MustCompile(p)
	}
	return all
}

func vendorRegex(i int) *regexp.Regexp {
	c := &compiled[i]
	c.once.Do(func() {
		c.regex = regexp.MustCompile(vendorRules[i].regex)
		for _, a := range vendorRules[i].allow {
			c.allow = append(c.allow, compileAll(a.regexes))
		}
	})
	return c.regex
}

// vendor lets rule i look round its keyword, which is n bytes at f.view[at].
func (f *finder) vendor(i, at, n int) {
	r := &vendorRules[i]
	if !f.worth(r, at, n) {
		return
	}
	width := r.width
	if width == 0 {
		width = unboundedWidth
	}
	need := min(len(f.view), at+width+windowSlack)
	var w *window
	for k := range f.windows {
		if f.windows[k].rule == i {
			w = &f.windows[k]
		}
	}
	switch {
	case w == nil:
		f.windows = append(f.windows, window{rule: i})
		w = &f.windows[len(f.windows)-1]
	case need <= w.end:
		return
	}
	// The window reaches as far again, so that a crowd of keywords doesn't have the same bytes read over and over.
	w.end = min(len(f.view), need+width)
	f.apply(i, max(0, at-contextWidth), w.end)
}

// worth tells by a glance at the text behind the keyword whether the regex of the rule can match there. It saves most calls of the
// rules with a short keyword and of those that look for an assignment.
func (f *finder) worth(r *vendorRule, at, n int) bool {
	s := f.view[at:min(len(f.view), at+n+worthWidth)]
	switch {
	case r.assign:
		return assigns(s[n:])
	case r.id == "jwt":
		return s[:2] == "ey" && run(s, isAlnum) >= 19
	case r.id == "twilio-api-key":
		return s[:2] == "SK" && run(s[2:], isHex) >= 32
	case r.id == "vault-service-token" && n == 2:
		return run(s[2:], isAlnum) >= 24
	case r.id == "kubernetes-secret-yaml":
		return containsFold(f.view[max(0, at-20):at], "kind:")
	}
	return true
}

// worthWidth is how many bytes behind a keyword say whether the rule can match.
const worthWidth = 128

// assigns tells whether s, which follows a name, goes on as gitleaks' assignments do: some more of the name, an operator, a value.
func assigns(s string) bool {
	const longestName, shortestValue = 64, 8
	i := 0
	for i < len(s) && i < longestName && (isToken(s[i]) || s[i] == '.' || isSpace(s[i]) || isQuote(s[i])) {
		i++
	}
	if i == len(s) || strings.IndexByte("=>:|?,", s[i]) < 0 {
		return false
	}
	for end := i + 12; i < len(s) && i < end && (strings.IndexByte("=>:|?,", s[i]) >= 0 || isSpace(s[i]) || isQuote(s[i])); {
		i++
	}
	return run(s[i:], func(c byte) bool { return isToken(c) || strings.IndexByte("./+=", c) >= 0 }) >= shortestValue
}

// run returns how many bytes at the start of s satisfy is.
func run(s string, is func(byte) bool) int {
	n := 0
	for n < len(s) && is(s[n]) {
		n++
	}
	return n
}

func isHex(c byte) bool { _, ok := unhex(c); return ok }

// apply adds what rule i finds in view[start:end].
func (f *finder) apply(i, start, end int) {
	if f.work += end - start; f.work > workLimit(len(f.text)) {
		return
	}
	r := &vendorRules[i]
	text := f.view[start:end]
	for _, m := range vendorRegex(i).FindAllStringSubmatchIndex(text, -1) {
		from, to := m[0], m[1]
		if r.group > 0 {
			from, to = m[2*r.group], m[2*r.group+1]
		} else {
			for g := 2; g < len(m); g += 2 {
				if m[g] >= 0 && m[g] < m[g+1] {
					from, to = m[g], m[g+1]
					break
				}
			}
		}
		if from < 0 || !isSecret(i, text, m[0], m[1], text[from:to]) {
			continue
		}
		from, to = start+from, start+to
		if !r.assign {
			// A longer token of the same kind is still that token.
			to += run(f.view[to:min(len(f.view), to+unboundedWidth)], isToken)
		}
		f.add(from, to, r.id)
	}
}

// isSecret holds what rule i matched in text[start:end] against the rule's thresholds. A secret that carries a keyword of four letters
// or more, as ghp_… does, needs no more proof. The thresholds serve scanners, which must not report examples.
func isSecret(i int, text string, start, end int, secret string) bool {
	r := &vendorRules[i]
	if !r.assign {
		for _, k := range r.keywords {
			if len(k) >= 4 && containsFold(secret, k) {
				return true
			}
		}
		if isDigest(secret) {
			return false
		}
	}
	if r.entropy > 0 && entropy(secret) <= r.entropy {
		return false
	}
	if matchesAny(globalPatterns(), secret) || containsAny(secret, globalAllow.stopwords) {
		return false
	}
	for n, a := range r.allow {
		subject := secret
		switch a.target {
		case targetMatch:
			subject = text[start:end]
		case targetLine:
			subject = lineAt(text, start, end)
		}
		if matchesAny(compiled[i].allow[n], subject) || containsAny(secret, a.stopwords) {
			return false
		}
	}
	return true
}

func matchesAny(patterns []*regexp.Regexp, s string) bool {
	for _, p := range patterns {
		if p.MatchString(s) {
			return true
		}
	}
	return false
}

// containsAny tells whether s contains one of the words, which are one a line, whatever the case in s.
func containsAny(s, words string) bool {
	if words == "" {
		return false
	}
	s = strings.ToLower(s)
	for w := range strings.SplitSeq(words, "\n") {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

func containsFold(s, word string) bool {
	for i := 0; i+len(word) <= len(s); i++ {
		if hasPrefixFold(s[i:], word) {
			return true
		}
	}
	return false
}

func lineAt(s string, start, end int) string {
	from := strings.LastIndexByte(s[:start], '\n') + 1
	if n := strings.IndexByte(s[end:], '\n'); n >= 0 {
		return s[from : end+n]
	}
	return s[from:]
}

// entropy returns the Shannon entropy of the bytes of s in bits a byte.
func entropy(s string) float64 {
	var counts [256]int
	for i := range len(s) {
		counts[s[i]]++
	}
	bits, n := 0.0, float64(len(s))
	for _, c := range counts {
		if c > 0 {
			p := float64(c) / n
			bits -= p * math.Log2(p)
		}
	}
	return bits
}
