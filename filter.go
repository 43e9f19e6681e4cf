package whodid

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Filter is a selection as people write it, alike on the command line, in the
// API and on the page: agent:engineering/* status:failed since:7d "free text".
// All terms must hold. docs/filter.md describes the language.
type Filter struct {
	// Terms are what must hold besides the time.
	Terms []Term
	// Since and Until bound the time; zero is no bound.
	Since, Until time.Time
}

// Term is one condition of a filter.
type Term struct {
	// Not turns the condition round.
	Not bool
	// Field is what is compared; empty looks for text.
	Field FilterField
	// Name is the name of the tag, where Field is [FilterTag].
	Name string
	// Values are the alternatives, of which one must fit. A star in a value
	// stands for any characters.
	Values []string
}

// FilterField names what a term compares.
type FilterField string

// The fields of the filter language. Each question takes those that it has.
const (
	FilterText      FilterField = "" // free text: in target, reason and names
	FilterAgent     FilterField = "agent"
	FilterSquad     FilterField = "squad"
	FilterActor     FilterField = "actor"
	FilterStatus    FilterField = "status"
	FilterResult    FilterField = "result"
	FilterType      FilterField = "type"
	FilterKind      FilterField = "kind" // the noun of the verb: pr, file, decision
	FilterTarget    FilterField = "target"
	FilterExecution FilterField = "execution"
	FilterSession   FilterField = "session"
	FilterApproval  FilterField = "approval"
	FilterParent    FilterField = "parent"
	FilterModel     FilterField = "model"
	FilterTrigger   FilterField = "trigger"
	FilterSource    FilterField = "source"
	FilterTag       FilterField = "tag"
	FilterIs        FilterField = "is"      // run, or subagent
	FilterCost      FilterField = "cost"    // how the cost is known: a [CostState]
	FilterStarted   FilterField = "started" // FROM..UNTIL, or unknown; see [ParseSpan]
	// FilterRepository is where a run worked, as its start tells.
	FilterRepository FilterField = "repository"
	FilterProved     FilterField = "proved" // what witnesses confirmed: a [ProvedState]
)

// What an execution is: a run of its own, or a sub-agent's part of one.
const (
	IsRun      = "run"
	IsSubagent = "subagent"
)

// StartedUnknown selects executions whose start nobody told.
const StartedUnknown = "unknown"

// ExecutionFields are the fields by which executions are selected.
func ExecutionFields() []FilterField {
	return []FilterField{
		FilterText, FilterAgent, FilterSquad, FilterStatus, FilterTrigger, FilterModel, FilterExecution,
		FilterSession, FilterParent, FilterSource, FilterTag, FilterIs, FilterCost, FilterStarted,
		FilterRepository, FilterProved,
	}
}

// SearchFields are the fields by which a search selects: those of events, and of
// the runs that events belong to.
func SearchFields() []FilterField {
	fields := EventFields()
	for _, f := range ExecutionFields() {
		if !slices.Contains(fields, f) {
			fields = append(fields, f)
		}
	}
	return fields
}

// EventFields are the fields by which events and actions are selected.
func EventFields() []FilterField {
	return []FilterField{
		FilterText, FilterAgent, FilterSquad, FilterActor, FilterType, FilterKind, FilterResult, FilterTarget, FilterExecution,
		FilterSession, FilterApproval, FilterSource,
	}
}

// The bounds of a filter: what is longer was not written by a person.
const (
	MaxFilter      = 4096 // bytes
	MaxFilterTerms = 32
)

// ErrFilter is wrapped by every error of [ParseFilter] and [Filter.Check].
var ErrFilter = errors.New("the filter can't be read")

// ParseFilter reads a filter. now is what times such as 7d count from.
func ParseFilter(s string, now time.Time) (Filter, error) {
	f, err := parseFilter(s, now)
	if err != nil {
		return Filter{}, fmt.Errorf("%w: %w", ErrFilter, err)
	}
	return f, nil
}

func parseFilter(s string, now time.Time) (Filter, error) {
	switch {
	case len(s) > MaxFilter:
		return Filter{}, fmt.Errorf("it has %d bytes, %d are allowed", len(s), MaxFilter)
	case !cleanText(s):
		return Filter{}, errors.New("it is not UTF-8 text without NUL")
	}
	var f Filter
	for rest := strings.TrimLeftFunc(s, unicode.IsSpace); rest != ""; rest = strings.TrimLeftFunc(rest, unicode.IsSpace) {
		w, after, err := nextWord(rest)
		if err != nil {
			return Filter{}, err
		}
		if len(f.Terms) == MaxFilterTerms {
			return Filter{}, fmt.Errorf("it has more than %d terms", MaxFilterTerms)
		}
		if err := f.add(w, now); err != nil {
			return Filter{}, err
		}
		rest = after
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return Filter{}, errors.New("since is not before until")
	}
	return f, nil
}

// word is one term as it was written.
type word struct {
	not     bool
	name    string // before the colon; empty for text
	values  []string
	literal []bool // of each value, whether it was quoted, so that its stars are stars
}

// nextWord reads the term at the beginning of s and returns what follows it.
func nextWord(s string) (w word, after string, err error) {
	if rest, not := strings.CutPrefix(s, "-"); not {
		w.not, s = true, rest
	}
	end := 0
	for end < len(s) && (s[end] >= 'a' && s[end] <= 'z' || s[end] == '_' || s[end] == '-') {
		end++
	}
	if end > 0 && end < len(s) && s[end] == ':' {
		w.name, s = s[:end], s[end+1:]
	}
	for {
		value, literal, rest, err := nextValue(s, w.name != "")
		if err != nil {
			return w, "", err
		}
		if value == "" {
			if w.name == "" {
				return w, "", errors.New("there is nothing to look for")
			}
			return w, "", fmt.Errorf("%s: has no value", w.name)
		}
		w.values, w.literal = append(w.values, value), append(w.literal, literal)
		if !strings.HasPrefix(rest, ",") || w.name == "" {
			if r, _ := utf8.DecodeRuneInString(rest); rest != "" && !unicode.IsSpace(r) {
				return w, "", fmt.Errorf("after the quoted %q there must be a space", value)
			}
			return w, rest, nil
		}
		s = rest[1:]
	}
}

// nextValue reads a value: up to the next space, or the next comma where a
// list is possible, or a quoted string with \" and \\ in it.
func nextValue(s string, list bool) (value string, literal bool, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexFunc(s, func(r rune) bool { return unicode.IsSpace(r) || list && r == ',' })
		if end < 0 {
			end = len(s)
		}
		return s[:end], false, s[end:], nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), true, s[i+1:], nil
		case '\\':
			if i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
				i++
			}
		}
		b.WriteByte(s[i])
	}
	return "", false, "", errors.New(`a quotation mark " is not closed`)
}

// add takes one term in.
func (f *Filter) add(w word, now time.Time) error {
	switch w.name {
	case "since", "until":
		if w.not || len(w.values) != 1 {
			return fmt.Errorf("%s: takes one time", w.name)
		}
		t, err := ParseTime(w.values[0], now)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		if w.name == "since" {
			f.Since = t
		} else {
			f.Until = t
		}
		return nil
	case "":
		f.Terms = append(f.Terms, Term{Not: w.not, Values: []string{w.values[0]}})
		return nil
	}
	t := Term{Not: w.not, Field: FilterField(w.name)}
	if !slices.Contains(ExecutionFields(), t.Field) && !slices.Contains(EventFields(), t.Field) {
		return fmt.Errorf("%s: is none of %s (text that holds a colon stands in quotation marks)", w.name, fieldNames(slices.Concat(ExecutionFields(), EventFields())))
	}
	for i, v := range w.values {
		if t.Field == FilterTag {
			name, value, ok := strings.Cut(v, "=")
			if !ok || !validFieldName(name) || t.Name != "" && t.Name != name {
				return errors.New("tag: takes name=value, and one name")
			}
			t.Name, v = name, value
		}
		if t.Field == FilterStarted && v != StartedUnknown {
			span, err := parseSpan(v, now)
			if err != nil {
				return err
			}
			v = span
		}
		if w.literal[i] {
			v = literal(v)
		}
		t.Values = append(t.Values, v)
	}
	f.Terms = append(f.Terms, t)
	return t.check()
}

// spanMark stands between the two times of a span.
const spanMark = ".."

// parseSpan reads FROM..UNTIL, of which one may be missing, and writes it with
// times that do not depend on now.
func parseSpan(s string, now time.Time) (string, error) {
	from, until, ok := strings.Cut(s, spanMark)
	if !ok || from == "" && until == "" {
		return "", fmt.Errorf("started: %q is not FROM..UNTIL, such as 2026-11-16..2026-11-23, nor unknown", s)
	}
	ends := [2]string{from, until}
	for i, end := range ends {
		if end == "" {
			continue
		}
		t, err := ParseTime(end, now)
		if err != nil {
			return "", fmt.Errorf("started: %w", err)
		}
		ends[i] = t.UTC().Format(time.RFC3339Nano)
	}
	return ends[0] + spanMark + ends[1], nil
}

// ParseSpan reads a value of [FilterStarted] as [ParseFilter] leaves it: the
// first moment and the first that is too late, zero where there is none.
func ParseSpan(value string) (from, until time.Time, ok bool) {
	first, last, ok := strings.Cut(value, spanMark)
	if !ok {
		return time.Time{}, time.Time{}, false
	}
	for _, end := range []struct {
		text string
		to   *time.Time
	}{{first, &from}, {last, &until}} {
		if end.text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339Nano, end.text)
		if err != nil {
			return time.Time{}, time.Time{}, false
		}
		*end.to = t
	}
	return from, until, true
}

// literalStar stands for a star that is no wildcard. It is a noncharacter of
// Unicode, which no text of the trail holds for a reason.
const literalStar = '\uFDD0'

func literal(v string) string { return strings.ReplaceAll(v, "*", string(literalStar)) }

// check refuses values that nothing could ever have, which are mistakes.
func (t *Term) check() error {
	for _, v := range t.Values {
		if strings.Contains(v, "*") {
			continue
		}
		switch t.Field {
		case FilterStatus:
			if !slices.Contains(Statuses(), Status(v)) {
				return fmt.Errorf("status: %q is none of %v", v, Statuses())
			}
		case FilterResult:
			if !slices.Contains(Results(), Result(v)) {
				return fmt.Errorf("result: %q is none of %v", v, Results())
			}
		case FilterTrigger:
			if _, _, err := ParseTrigger(v); err != nil {
				return err
			}
		case FilterIs:
			if v != IsRun && v != IsSubagent {
				return fmt.Errorf("is: %q is neither %s nor %s", v, IsRun, IsSubagent)
			}
		case FilterCost:
			if !slices.Contains(CostStates(), CostState(v)) {
				return fmt.Errorf("cost: %q is none of %v", v, CostStates())
			}
		case FilterProved:
			if !slices.Contains(ProvedStates(), ProvedState(v)) {
				return fmt.Errorf("proved: %q is none of %v", v, ProvedStates())
			}
		default:
		}
	}
	return nil
}

// Check refuses a filter with a field that the question does not have; what is
// asked for is named in the error.
func (f *Filter) Check(of string, fields []FilterField) error {
	for _, t := range f.Terms {
		if !slices.Contains(fields, t.Field) {
			return fmt.Errorf("%w: %s are not selected by %s:, but by %s", ErrFilter, of, t.Field, fieldNames(fields))
		}
	}
	return nil
}

func fieldNames(fields []FilterField) string {
	names := []string{"since", "until"}
	for _, f := range fields {
		if f != FilterText && !slices.Contains(names, string(f)) {
			names = append(names, string(f))
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// FilterTerm writes a term that just this value fits, in quotation marks where
// it needs them.
func FilterTerm(field, value string) string {
	plain := value != "" && !strings.ContainsAny(value, "\"*,") && strings.IndexFunc(value, unicode.IsSpace) < 0
	if !plain {
		value = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
	}
	return field + ":" + value
}

// Pattern splits a value at its wildcards: "git.*" is "git." and "". A value
// without one is whole.
func Pattern(value string) (parts []string) {
	parts = strings.Split(value, "*")
	for i := range parts {
		parts[i] = strings.ReplaceAll(parts[i], string(literalStar), "*")
	}
	return parts
}

// MatchEvent reports whether an event fits, for who sees events as they come.
// The store selects by the same rules.
func (f *Filter) MatchEvent(e *Event) bool {
	if !f.Since.IsZero() && e.At.Before(f.Since) || !f.Until.IsZero() && !e.At.Before(f.Until) {
		return false
	}
	for i := range f.Terms {
		if f.Terms[i].matchEvent(e) == f.Terms[i].Not {
			return false
		}
	}
	return true
}

func (t *Term) matchEvent(e *Event) bool {
	for _, v := range t.Values {
		fits := false
		switch t.Field {
		case FilterText:
			fits = containsFold(e.Target, v) || containsFold(e.Why, v)
		case FilterAgent:
			fits = matchPattern(AgentActor(v), e.Actor)
		case FilterSquad:
			fits = matchPattern(AgentActor(v+"/*"), e.Actor)
		case FilterActor:
			fits = matchPattern(v, e.Actor)
		case FilterType:
			fits = matchPattern(v, e.What)
		case FilterKind:
			fits = matchPattern(v+".*", e.What) || matchPattern("forge."+v+".*", e.What)
		case FilterResult:
			fits = matchPattern(v, string(e.Result))
		case FilterTarget:
			fits = matchPattern(v, e.Target)
		case FilterExecution:
			fits = matchPattern(v, e.Execution)
		case FilterSession:
			fits = matchPattern(v, e.Session)
		case FilterApproval:
			fits = matchPattern(v, e.Approval)
		case FilterSource:
			fits = matchPattern(v, e.Source)
		default:
		}
		if fits {
			return true
		}
	}
	return false
}

// Fits tells whether one of the values fits a text, or with Not, none.
func (t *Term) Fits(s string) bool {
	return slices.ContainsFunc(t.Values, func(v string) bool { return matchPattern(v, s) }) != t.Not
}

// matchPattern matches a whole text, letters as they are.
func matchPattern(pattern, s string) bool {
	parts := Pattern(pattern)
	if len(parts) == 1 {
		return s == parts[0]
	}
	rest, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, last)
}

// LowerASCII makes the letters A to Z small and leaves all others: the case
// that a search does not look at is the same on every engine.
func LowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func containsFold(s, part string) bool { return strings.Contains(LowerASCII(s), LowerASCII(part)) }
