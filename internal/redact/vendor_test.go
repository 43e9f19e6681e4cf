package redact

import (
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// vendored is the part of gitleaks' file that the reference needs.
type vendored struct {
	Rules []struct {
		ID, Regex   string
		Keywords    []string
		SecretGroup int
		Entropy     float64
		Allowlists  []struct {
			Condition, RegexTarget    string
			Regexes, StopWords, Paths []string
		}
	}
}

// TestCleanFindsWhatGitleaksFinds is a differential test. For every rule it makes texts that the rule's own regex matches, lets a plain
// reading of the rule, without keywords, windows or wider ends, say what the secret is, and demands that Clean takes it out.
func TestCleanFindsWhatGitleaksFinds(t *testing.T) {
	t.Parallel()
	var file vendored
	if _, err := toml.DecodeFile("gitleaks/gitleaks.toml", &file); err != nil {
		t.Fatal(err)
	}
	r := newRedactor(t, Options{})
	// The package does these by hand, for all that curl takes rather than for all that the regex matches; the canaries test them.
	byHand := map[string]bool{"curl-auth-header": true, "curl-auth-user": true}
	// No text that chance makes is long enough in the right places.
	tooRare := map[string]bool{"kubernetes-secret-yaml": true}
	for _, rule := range file.Rules {
		if rule.Regex == "" || byHand[rule.ID] {
			continue
		}
		re := regexp.MustCompile(rule.Regex)
		tree, err := syntax.Parse(rule.Regex, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		rnd := rand.New(rand.NewPCG(1, uint64(len(rule.Regex))))
		found := 0
		for range 12 {
			var b strings.Builder
			sample(&b, tree, rnd)
			for _, text := range []string{b.String(), rule.Keywords[0] + " " + b.String(), "run --with x\n" + b.String() + "\nthen " + strings.Repeat("more text ", 700)} {
				secret, match := reference(re, rule.SecretGroup, text)
				if secret == "" || !slices.ContainsFunc(rule.Keywords, func(k string) bool { return containsFold(text, k) }) || rule.Entropy > 0 && entropy(secret) <= rule.Entropy {
					continue
				}
				if matchesAny(globalPatterns(), secret) || containsAny(secret, globalAllow.stopwords) {
					continue
				}
				allowed := false
				for _, a := range rule.Allowlists {
					subject := map[string]string{"": secret, "match": match, "line": text}[a.RegexTarget]
					allowed = allowed || matchesAny(compileAll(a.Regexes), subject) || containsAny(secret, strings.Join(a.StopWords, "\n"))
				}
				if allowed || isDigest(secret) && rule.ID == "sourcegraph-access-token" {
					continue
				}
				found++
				if got, _ := r.Clean(text); strings.Contains(got, secret) && !t.Failed() {
					t.Errorf("%s: %q left in %.200q", rule.ID, secret, text)
				}
			}
		}
		if found == 0 && !tooRare[rule.ID] {
			t.Errorf("%s: no text was made that the rule matches", rule.ID)
		}
	}
}

// reference returns the secret and the match that gitleaks would report in text.
func reference(re *regexp.Regexp, group int, text string) (secret, match string) {
	m := re.FindStringSubmatch(text)
	if m == nil {
		return "", ""
	}
	if group > 0 {
		return m[group], m[0]
	}
	for _, g := range m[1:] {
		if g != "" {
			return g, m[0]
		}
	}
	return m[0], m[0]
}

// sample writes a text that the expression could match; anchors and word boundaries are left to chance.
func sample(b *strings.Builder, re *syntax.Regexp, rnd *rand.Rand) {
	const few = 3
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			b.WriteRune(r)
		}
	case syntax.OpCharClass:
		var choices []rune
		for i := 0; i < len(re.Rune); i += 2 {
			for r := max(re.Rune[i], ' '); r <= min(re.Rune[i+1], '~'); r++ {
				choices = append(choices, r)
			}
		}
		if choices == nil {
			choices = re.Rune[:1]
		}
		b.WriteRune(choices[rnd.IntN(len(choices))])
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte("aZ3 "[rnd.IntN(4)])
	case syntax.OpCapture:
		sample(b, re.Sub[0], rnd)
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			sample(b, sub, rnd)
		}
	case syntax.OpAlternate:
		sample(b, re.Sub[rnd.IntN(len(re.Sub))], rnd)
	case syntax.OpQuest, syntax.OpStar, syntax.OpPlus, syntax.OpRepeat:
		least, most := 0, 1
		switch re.Op {
		case syntax.OpStar:
			most = few
		case syntax.OpPlus:
			least, most = 1, few
		case syntax.OpRepeat:
			least, most = re.Min, re.Max
			if most < 0 {
				most = least + few
			}
			if re.Flags&syntax.NonGreedy != 0 {
				most = min(most, least+few)
			}
		}
		for range least + rnd.IntN(most-least+1) {
			sample(b, re.Sub[0], rnd)
		}
	}
}

func TestVendorRulesCompile(t *testing.T) {
	t.Parallel()
	for i := range vendorRules {
		r := &vendorRules[i]
		if re := vendorRegex(i); r.group > re.NumSubexp() {
			t.Errorf("%s: no group %d", r.id, r.group)
		}
	}
	if x := keywordIndex(); x.classes >= 1<<6 || len(x.buckets) > 1<<8 {
		t.Errorf("the index overflows: %d classes, %d buckets", x.classes, len(x.buckets))
	}
	if len(vendorRules) > 1<<8 || len(tokenPrefixes) > 1<<8 {
		t.Error("the index holds positions in a byte")
	}
}
