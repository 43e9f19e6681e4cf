// Package redact takes out of text what the trail must never hold: secrets, e-mail addresses, the user names in home paths, and
// identities that the caller names.
//
// Secrets are found by the rules of gitleaks, a maintained set (see the gitleaks directory), and by rules of this package for what a
// repository scanner leaves alone because it would cry wolf: weak passwords, tokens that are cut or made up, credentials in URLs and
// headers. Scanner and redactor err to different sides: a word too many that reads [redacted:…] costs little, a secret that
// stays in a signed log costs a lot.
//
// What stays on purpose: digests and commit ids, UUIDs, tool-use ids, variables such as $TOKEN, the SSH remote git@host, and the
// addresses under which coding agents sign their commits.
//
// The package does no I/O and costs nothing until the first call; every rule is compiled when its keyword is first seen.
package redact

import (
	"fmt"
	"hash/maphash"
	"regexp"
	"strings"
)

// Options says what a Redactor removes besides what every Redactor removes. The zero value is ready to use.
type Options struct {
	// Identities are names and logins. They are removed as whole words whatever their case; a space in one also stands for
	// a dot, underscore, hyphen or plus sign. Those shorter than three characters are ignored: they would hit everywhere.
	Identities []string
	// DenyPatterns are an organisation's own patterns in RE2 syntax. What a whole pattern matches is removed.
	DenyPatterns []string
	// DenyWords are an organisation's own words. They are found as identities are.
	DenyWords []string
	// HomeDir is the user's home directory, for when it isn't at a usual place. It becomes ~. The root directory and /root
	// name nobody and are ignored.
	HomeDir string
}

// Counts says how many times each rule removed something, by rule id. It never holds what was removed.
type Counts map[string]int

// The ids of the rules that are this package's own; the others are those of gitleaks.
const (
	ruleAuthorization = "authorization"
	ruleCookie        = "cookie"
	ruleDenied        = "denied"
	ruleEmail         = "email"
	ruleHighEntropy   = "high-entropy"
	ruleHome          = "home"
	ruleIdentity      = "identity"
	ruleJWT           = "jwt"
	ruleOverload      = "overload"
	rulePassword      = "password"
	rulePrivateKey    = "private-key"
	ruleQuery         = "query-secret"
	ruleSecret        = "secret-value"
	ruleToken         = "token"
	ruleUserinfo      = "url-userinfo"
)

var ownRules = [...]string{
	ruleAuthorization, ruleCookie, ruleDenied, ruleEmail, ruleHighEntropy, ruleHome, ruleIdentity, ruleJWT, ruleOverload,
	rulePassword, rulePrivateKey, ruleQuery, ruleSecret, ruleToken, ruleUserinfo,
}

// maxRounds bounds how often the output of one round is read again. A round can uncover something, such as a value that stood behind
// another one. Text that hasn't settled by then is withheld.
const maxRounds = 12

// A Redactor removes what must not be recorded. It is safe for concurrent use.
type Redactor struct {
	identities names
	denied     names
	deny       []*regexp.Regexp
	homeDir    string // without a trailing slash; empty when there's none
	homeSlug   string // homeDir as some agents write it into a directory name, as in -home-ann
	seen       seen   // texts that are clean
}

// New returns a Redactor. It fails when a deny pattern isn't valid RE2 syntax; the error names the pattern by its position only,
// because the pattern itself may be confidential.
func New(opts Options) (*Redactor, error) {
	r := &Redactor{seen: seen{seed: maphash.MakeSeed()}}
	for i, p := range opts.DenyPatterns {
		re, err := regexp.Compile(p)
		if err != nil {
			return nil, fmt.Errorf("couldn't compile deny pattern %d: invalid RE2 syntax", i+1)
		}
		r.deny = append(r.deny, re)
	}
	r.identities, r.denied = newNames(opts.Identities), newNames(opts.DenyWords)
	if home := strings.TrimRight(opts.HomeDir, `/\`); len(home) > 1 && home != "/root" {
		r.homeDir = home
		r.homeSlug = homeSlug(home)
	}
	return r, nil
}

// Clean returns s without what must not be recorded, and what it removed. In its place stands [redacted:RULE], a home directory
// becomes ~, and the credentials of a URL vanish. Cleaning twice gives the same as once. Valid UTF-8 stays valid, and bytes that
// aren't UTF-8 pass unchanged.
//
// The time is linear in the length of s. Text that is made to hit so many rules at once that it would take far longer than any
// real text is withheld as a whole and reads [redacted:overload].
func (r *Redactor) Clean(s string) (string, Counts) {
	if s == "" || r.seen.has(s) {
		return s, nil
	}
	var counts Counts
	for range maxRounds {
		spans := r.find(s)
		if len(spans) == 0 {
			r.seen.add(s)
			return s, counts
		}
		next := replace(s, spans)
		if next == s {
			return s, counts
		}
		if counts == nil {
			counts = Counts{}
		}
		for _, sp := range spans {
			counts[sp.rule]++
		}
		s = next
	}
	return mark(ruleOverload), Counts{ruleOverload: 1}
}

// find returns what one round removes from s, sorted and without overlaps.
func (r *Redactor) find(s string) []span {
	f := finder{text: s, view: view(s)}
	f.keywords()
	f.emails()
	f.randoms()
	r.findHomeDir(&f)
	r.identities.find(&f, ruleIdentity)
	r.denied.find(&f, ruleDenied)
	for _, re := range r.deny {
		for _, m := range re.FindAllStringIndex(s, -1) {
			if m[0] < m[1] {
				f.add(m[0], m[1], ruleDenied)
			}
		}
	}
	if f.work > workLimit(len(s)) {
		return []span{{0, len(s), ruleOverload, mark(ruleOverload)}}
	}
	if len(f.spans) == 0 {
		return nil
	}
	return settle(f.spans, marks(s))
}

// A finder is one round over one text.
type finder struct {
	text string // as given
	view string // as long as text, easier to read: see view
	// spans are in the order in which they were found; of two equal ones the first gives the name.
	spans []span
	// windows holds by vendor rule where its last window ends, so that a crowd of keywords isn't searched twice.
	windows []window
	// userinfo holds where the credentials of URLs end: the @ there is in no address.
	userinfo []int
	work     int  // bytes given to regular expressions
	nameEnd  int  // where the last name ends that was looked at
	callEnd  int  // where the last command line ends that was looked at
	pemEnd   int  // where the last private key ends
	pemOpen  bool // no private key is closed behind pemEnd
	wordEnd  int  // where the last token ends that was added
}

func (f *finder) add(start, end int, rule string) {
	if start < end {
		f.spans = append(f.spans, span{start, end, rule, mark(rule)})
	}
}

// workLimit is how many bytes regular expressions may read for a text of n bytes before it's withheld.
func workLimit(n int) int { return 1<<18 + 8*n }
