package policy

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/BurntSushi/toml"

	"github.com/whodid/whodid"
)

// The bounds of a policy. A person wrote it and a person must be able to read
// it.
const (
	MaxBytes  = 256 << 10
	maxDepth  = 200 // of brackets; TOML's reader calls itself for each
	maxParts  = 2000
	maxGlobs  = 500
	maxReason = 500 // bytes, of titles and reasons
)

// Error says what is wrong with a policy's text, and where.
type Error struct {
	Source string // where the text was read
	Line   int    // counted from 1; 0 if it is not known
	Text   string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.Source, e.Text)
	}
	return fmt.Sprintf("%s:%d: %s", e.Source, e.Line, e.Text)
}

// The file as TOML has it.
type (
	file struct {
		Version         string          `toml:"version"`
		Tolerance       string          `toml:"tolerance"`
		AgentsMayExcept bool            `toml:"agents_may_except"`
		Squads          []fileSquad     `toml:"squad"`
		Rules           []fileRule      `toml:"rule"`
		Exceptions      []fileException `toml:"exception"`
		Approvals       fileApprovals   `toml:"approvals"`
		Approval        []fileApproval  `toml:"approval"`
		Budgets         []fileBudget    `toml:"budget"`
		Review          fileReview      `toml:"review"`
		Privacy         filePrivacy     `toml:"privacy"`
	}
	filePrivacy struct {
		FourEyes bool `toml:"four_eyes"`
	}
	fileSquad struct {
		Name   string   `toml:"name"`
		Agents []string `toml:"agents"`
	}
	fileRule struct {
		ID       string   `toml:"id"`
		Title    string   `toml:"title"`
		Severity string   `toml:"severity"`
		Checks   []string `toml:"checks"`
		Types    []string `toml:"types"`
		Paths    []string `toml:"paths"`
		Branches []string `toml:"branches"`
		Agents   []string `toml:"agents"`
	}
	fileException struct {
		Rule     string   `toml:"rule"`
		Reason   string   `toml:"reason"`
		Who      string   `toml:"who"`
		Expires  expiry   `toml:"expires"`
		Paths    []string `toml:"paths"`
		Branches []string `toml:"branches"`
		Agents   []string `toml:"agents"`
		Commits  []string `toml:"commits"`
	}
)

// Parse reads a policy. Nothing in it is ignored: a key that means nothing is
// an error, for it may be a rule that somebody believes in. The error is an
// [*Error].
func Parse(text []byte, source string) (*Policy, error) {
	in := reader{source: source, text: text}
	if err := in.bounds(); err != nil {
		return nil, err
	}
	var f file
	meta, err := toml.Decode(string(text), &f)
	if err != nil {
		return nil, in.syntax(err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return nil, in.unknown(unknown[0])
	}
	p := &Policy{
		Version: f.Version, Digest: digestOf(text), Source: source,
		Tolerance: DefaultTolerance, AgentsMayExcept: f.AgentsMayExcept,
	}
	if err := in.head(&f, p); err != nil {
		return nil, err
	}
	for i := range f.Squads {
		if err := in.squad(&f.Squads[i], i, p); err != nil {
			return nil, err
		}
	}
	for i := range f.Rules {
		if err := in.rule(&f.Rules[i], i, p); err != nil {
			return nil, err
		}
	}
	p.EraseFourEyes = f.Privacy.FourEyes
	if err := in.approvals(&f, p); err != nil {
		return nil, err
	}
	if err := in.budgets(&f, p); err != nil {
		return nil, err
	}
	for i := range f.Exceptions {
		if err := in.exception(&f.Exceptions[i], i, p); err != nil {
			return nil, err
		}
	}
	return p, nil
}

type reader struct {
	source string
	text   []byte
}

func (in *reader) fail(line int, format string, args ...any) error {
	return &Error{Source: in.source, Line: line, Text: fmt.Sprintf(format, args...)}
}

// bounds refuses what TOML's reader would take too long for.
func (in *reader) bounds() error {
	if len(in.text) > MaxBytes {
		return in.fail(0, "the policy has %d bytes, %d are allowed", len(in.text), MaxBytes)
	}
	if at := bytes.IndexByte(in.text, 0); at >= 0 || !utf8.Valid(in.text) {
		return in.fail(0, "the policy is not UTF-8 text")
	}
	depth, line := 0, 1
	for _, c := range in.text {
		switch c {
		case '\n':
			line++
		case '[', '{':
			if depth++; depth > maxDepth {
				return in.fail(line, "more than %d brackets are open", maxDepth)
			}
		case ']', '}':
			depth = max(0, depth-1)
		}
	}
	return nil
}

func (in *reader) syntax(err error) error {
	if parse, ok := errors.AsType[toml.ParseError](err); ok {
		return in.fail(parse.Position.Line, "%s", strings.TrimSuffix(parse.Message, "."))
	}
	// A value of the wrong type is told in words only: line 4 (last key "x"): …
	text := strings.TrimPrefix(err.Error(), "toml: ")
	line := 0
	if where, rest, ok := strings.Cut(text, "): "); ok {
		if n, scanErr := fmt.Sscanf(where, "line %d (last key", &line); scanErr == nil && n == 1 {
			text = rest
		}
	}
	return in.fail(line, "%s", text)
}

// unknown reports a key that means nothing, with the line where it stands.
func (in *reader) unknown(key toml.Key) error {
	name := key[len(key)-1]
	table := strings.Join(key[:len(key)-1], ".")
	current, line := "", 0
	for text := range strings.Lines(string(in.text)) {
		line++
		text = strings.TrimSpace(text)
		if header, ok := strings.CutPrefix(text, "["); ok {
			header, _, _ = strings.Cut(strings.TrimLeft(header, "["), "]")
			current = strings.TrimSpace(header)
			if current == key.String() {
				return in.fail(line, "unknown table %q", key)
			}
			continue
		}
		before, _, ok := strings.Cut(text, "=")
		if ok && current == table && strings.Trim(strings.TrimSpace(before), `"'`) == name {
			return in.fail(line, "unknown key %q", key)
		}
	}
	return in.fail(0, "unknown key %q", key)
}

// lineOf is the line of the n-th table of that name, or 0.
func (in *reader) lineOf(table string, n int) int {
	line := 0
	for text := range strings.Lines(string(in.text)) {
		line++
		if !strings.Contains(text, table) {
			continue
		}
		text, _, _ = strings.Cut(text, "#")
		if text = strings.ReplaceAll(strings.TrimSpace(text), " ", ""); text == "[["+table+"]]" {
			if n == 0 {
				return line
			}
			n--
		}
	}
	return 0
}

func (in *reader) head(f *file, p *Policy) error {
	if !isWord(f.Version) {
		return in.fail(0, "version is missing or is no word such as \"2026-11-01\" (letters, digits, . - _ +, at most 64)")
	}
	if f.Tolerance != "" {
		d, err := time.ParseDuration(f.Tolerance)
		if err != nil || d < 0 || d > 24*time.Hour {
			return in.fail(0, "tolerance %q is no length of time up to a day, such as \"5m\"", f.Tolerance)
		}
		p.Tolerance = d
	}
	if n := len(f.Rules) + len(f.Squads) + len(f.Exceptions); n > maxParts {
		return in.fail(0, "the policy has %d rules, squads and exceptions, %d are allowed", n, maxParts)
	}
	return nil
}

func (in *reader) squad(s *fileSquad, n int, p *Policy) error {
	line := in.lineOf("squad", n)
	if _, _, err := whodid.ParseAgent(s.Name + "/x"); err != nil {
		return in.fail(line, "squad %q: name is missing or no name (letters, digits, . - _)", s.Name)
	}
	if slices.ContainsFunc(p.Squads, func(other Squad) bool { return other.Name == s.Name }) {
		return in.fail(line, "squad %q stands twice", s.Name)
	}
	if len(s.Agents) == 0 {
		return in.fail(line, "squad %q owns no agents: agents is missing", s.Name)
	}
	if err := in.globs(line, "squad "+s.Name, "agents", s.Agents); err != nil {
		return err
	}
	p.Squads = append(p.Squads, Squad{Name: s.Name, Agents: s.Agents})
	return nil
}

// ValidRuleID reports whether s is the id of a rule, such as "ORG-001".
func ValidRuleID(s string) bool { return rulePattern().MatchString(s) }

var rulePattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Z][A-Z0-9]{1,15}-[0-9]{1,6}$`)
})

func (in *reader) rule(r *fileRule, n int, p *Policy) error {
	line := in.lineOf("rule", n)
	if !ValidRuleID(r.ID) {
		return in.fail(line, "rule %q: id is missing or is none such as \"ORG-001\"", r.ID)
	}
	if _, taken := p.Rule(r.ID); taken {
		return in.fail(line, "rule %s stands twice", r.ID)
	}
	switch Severity(r.Severity) {
	case Blocker, Warning:
	default:
		return in.fail(line, "rule %s: severity %q is none of blocker, warning", r.ID, r.Severity)
	}
	if !isSentence(r.Title) {
		return in.fail(line, "rule %s: title is missing or longer than one line of %d bytes", r.ID, maxReason)
	}
	rule := Rule{ID: r.ID, Title: r.Title, Severity: Severity(r.Severity), Types: r.Types}
	if len(r.Checks) == 0 {
		return in.fail(line, "rule %s: checks is missing; there are %s", r.ID, joinChecks())
	}
	for _, c := range r.Checks {
		if !slices.Contains(Checks(), Check(c)) {
			return in.fail(line, "rule %s: check %q is none of %s", r.ID, c, joinChecks())
		}
		if slices.Contains(rule.Checks, Check(c)) {
			return in.fail(line, "rule %s: check %q stands twice", r.ID, c)
		}
		rule.Checks = append(rule.Checks, Check(c))
	}
	if len(r.Types) > 0 && !slices.Contains(rule.Checks, Subject) {
		return in.fail(line, "rule %s: types means nothing without the check \"subject\"", r.ID)
	}
	for _, t := range r.Types {
		if !isWord(t) {
			return in.fail(line, "rule %s: %q is no type of commit", r.ID, t)
		}
	}
	rule.Scope = Scope{Paths: r.Paths, Branches: r.Branches, Agents: r.Agents}
	if err := in.scope(line, "rule "+r.ID, &rule.Scope); err != nil {
		return err
	}
	p.Rules = append(p.Rules, rule)
	return nil
}

func joinChecks() string {
	all := Checks()
	words := make([]string, len(all))
	for i, c := range all {
		words[i] = string(c)
	}
	return strings.Join(words, ", ")
}

func (in *reader) exception(x *fileException, n int, p *Policy) error {
	line := in.lineOf("exception", n)
	e := Exception{
		ID: fmt.Sprintf("%s:%d", File, line), Rule: x.Rule, Reason: x.Reason, Who: x.Who, Until: x.Expires.until,
		Scope: Scope{Paths: x.Paths, Branches: x.Branches, Agents: x.Agents, Commits: x.Commits},
	}
	if line == 0 {
		e.ID = fmt.Sprintf("%s#%d", File, n+1)
	}
	if _, ok := p.Rule(e.Rule); !ok {
		return in.fail(line, "exception: there is no rule %q", e.Rule)
	}
	if err := e.Validate(); err != nil {
		return in.fail(line, "exception from %s: %s", e.Rule, err)
	}
	p.Exceptions = append(p.Exceptions, e)
	return nil
}

func (in *reader) scope(line int, what string, s *Scope) error {
	if err := in.globs(line, what, "paths", s.Paths); err != nil {
		return err
	}
	if err := in.globs(line, what, "branches", s.Branches); err != nil {
		return err
	}
	return in.globs(line, what, "agents", s.Agents)
}

func (in *reader) globs(line int, what, key string, globs []string) error {
	if err := checkGlobs(globs); err != nil {
		return in.fail(line, "%s: %s: %s", what, key, err)
	}
	return nil
}

func checkGlobs(globs []string) error {
	if len(globs) > maxGlobs {
		return fmt.Errorf("%d globs, %d are allowed", len(globs), maxGlobs)
	}
	for _, g := range globs {
		if err := checkGlob(g); err != nil {
			return fmt.Errorf("%q: %w", g, err)
		}
	}
	return nil
}
