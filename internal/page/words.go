package page

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/term"
)

// functions are what templates say things with. Amounts, lengths of time and what
// is unknown read as they do on the command line.
func (v *views) functions() template.FuncMap {
	return template.FuncMap{
		"asset":     func(name string) string { return v.assets.named[name] },
		"appstate":  approvalState,
		"at":        at,
		"clean":     term.Clean,
		"cost":      func(x ask.Execution) string { return term.Cost(x.CostMicros, x.CostKnownMicros) },
		"count":     countOf,
		"digits":    digits,
		"dur":       term.Duration,
		"heading":   heading,
		"hue":       hue,
		"indent":    indented,
		"json":      dataOf,
		"label":     label,
		"money":     moneyOf,
		"percent":   term.Percent,
		"person":    person,
		"proved":    provedClass,
		"result":    resultClass,
		"short":     short,
		"signed":    signed,
		"shell":     shellWord,
		"seconds":   func(s float64) string { return term.Duration(time.Duration(s * float64(time.Second))) },
		"status":    statusClass,
		"sum":       term.SumOf,
		"tokens":    tokensOf,
		"project":   projection,
		"severity":  severityClass,
		"sure":      sureClass,
		"tone":      toneClass,
		"barwidth":  barWidth,
		"took":      took,
		"verdict":   verdictClass,
		"lineof":    lineOf,
		"agentlink": agentLink,
		"trigger":   func(x ask.Execution) string { return whodid.FormatTrigger(x.Trigger, x.TriggerDetail) },
		"unknown":   func() string { return term.Unknown },
		"words":     func(s string) string { return strings.ReplaceAll(s, "_", " ") },
	}
}

// at is a moment: in UTC in what is served, and in the reader's own zone once the
// page's script has seen it.
func at(v any) template.HTML {
	var t time.Time
	switch m := v.(type) {
	case time.Time:
		t = m
	case *time.Time:
		if m != nil {
			t = *m
		}
	}
	if t.IsZero() {
		return template.HTML(`<span class="unknown">` + term.Unknown + `</span>`) //nolint:gosec // words of ours
	}
	t = t.UTC()
	//nolint:gosec // the digits of a time
	return template.HTML(`<time datetime="` + t.Format("2006-01-02T15:04:05.000Z") + `" title="` + t.Format("2006-01-02 15:04:05.000") + ` UTC">` +
		t.Format("2006-01-02 15:04:05") + `<span class="utc"> UTC</span></time>`)
}

// short is the beginning of an id that a person reads and types.
func short(id string) string {
	const shown = 8
	_, rest, ok := strings.Cut(id, "-")
	if !ok {
		rest = id
	}
	return term.Clean(rest[:min(len(rest), shown)])
}

// person is an actor as people read it: an agent by its name, a person by a
// shortened pseudonym.
func person(actor string) string {
	kind, name, ok := strings.Cut(actor, ":")
	if !ok {
		return term.Clean(actor)
	}
	const shown = 10
	if kind == "human" && len(name) > shown {
		name = name[:shown]
	}
	if kind == "agent" {
		return term.Clean(name)
	}
	return kind + " " + term.Clean(name)
}

// heading is the name of a field as it stands over a table or a list.
func heading(field string) string {
	if field == "" {
		return ""
	}
	words := strings.ReplaceAll(field, "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// signed is a number of lines with its sign; nothing was added or removed where there
// is none.
func signed(sign string, n *int64) string {
	switch {
	case n == nil:
		return term.Unknown
	case *n == 0:
		return "0"
	default:
		return sign + digits(*n)
	}
}

// shellWord is text as a shell takes it for one word: somebody may copy it.
func shellWord(s string) string {
	s = term.Clean(s)
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./+,:@=-") == "" && s[0] != '-' {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// label is a word where a value may be missing.
func label(s string) string { return term.Clean(cmp.Or(s, term.Unknown)) }

// provedClass is how what was confirmed of a run looks.
func provedClass(state any) string {
	switch fmt.Sprint(state) {
	case string(whodid.ProvedWitnessed):
		return "ok"
	case string(whodid.ProvedWaiting):
		return "warn"
	default:
		return "off"
	}
}

// countOf is a number with its noun.
func countOf(v any, noun string) string {
	if s := digits(v); s != "1" {
		return s + " " + noun + "s"
	}
	return "1 " + noun
}

// digits is a whole number in groups of three.
func digits(v any) string {
	var s string
	switch n := v.(type) {
	case int:
		s = strconv.Itoa(n)
	case int64:
		s = strconv.FormatInt(n, 10)
	case uint64:
		s = strconv.FormatUint(n, 10)
	default:
		return term.Unknown
	}
	const group = 3
	for i := len(s) - group; i > 0 && s[i-1] != '-'; i -= group {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

func moneyOf(v any) string {
	switch n := v.(type) {
	case int64:
		return term.Money(n)
	case *int64:
		if n != nil {
			return term.Money(*n)
		}
	}
	return term.Unknown
}

func tokensOf(v any) string {
	switch n := v.(type) {
	case int64:
		return term.Tokens(n)
	case *int64:
		return term.TokensOf(n)
	}
	return term.Unknown
}

// took is how long a run took; of one that goes on, how long it has by now.
func took(x ask.Execution, now time.Time) string {
	switch {
	case x.StartedAt == nil:
		return term.Unknown
	case x.CompletedAt == nil && x.Status != string(whodid.StatusRunning):
		return term.Unknown
	default:
		return term.Duration(x.Duration(now))
	}
}

// hues is how many colours tell agents apart.
const hues = 8

// hue is the colour of an agent, the same on every page.
func hue(agent string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(agent)) // a hash takes anything
	return int(h.Sum32() % hues)
}

// datum is one field of metadata, as text.
type datum struct{ Name, Value string }

// maxDatum bounds how much of one value a page shows.
const maxDatum = 2000

// dataOf lists metadata by name, as it is shown.
func dataOf(d whodid.Data) []datum {
	names := make([]string, 0, len(d))
	for name := range d {
		names = append(names, name)
	}
	slices.Sort(names)
	out := make([]datum, len(names))
	for i, name := range names {
		text, ok := d[name].(string)
		if !ok {
			b, err := json.Marshal(d[name])
			if err != nil {
				b = []byte(term.Unknown)
			}
			text = string(b)
		}
		out[i] = datum{term.Clean(name), cut(term.Clean(text), maxDatum)}
	}
	return out
}

// cut shortens a text to so many bytes, and says that it did.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && s[most]&0xC0 == 0x80 {
		most--
	}
	return s[:most] + "… (" + strconv.Itoa(len(s)-most) + " bytes more)"
}

// indented is a value as JSON that people can read.
func indented(v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return term.Unknown
	}
	return string(b)
}

func quoted(s string) string { return strconv.Quote(cut(s, 100)) }
