package ask

import (
	"strings"
	"time"
)

// tracer writes the commands that list what a report counts.
type tracer struct {
	only []string // terms that are in each
	// before is where the time before begins; zero where there is none.
	before, since, until time.Time
	// asOf is when outcomes stood, if that is not the end of the time.
	asOf time.Time
}

func (b *reportBuilder) tracer(w who, unnamed bool) *tracer {
	p := &b.options.Period
	t := &tracer{before: p.BeforeSince, since: p.Since, until: p.Until}
	switch {
	case unnamed:
		t.only = append(t.only, "-agent:*/*") // what has a name has a slash
	case w.agent != "":
		t.only = append(t.only, "agent:"+literalValue(w.agent))
	case w.squad != "":
		t.only = append(t.only, "squad:"+literalValue(w.squad))
	}
	if len(b.options.Squads) > 0 {
		values := make([]string, len(b.options.Squads))
		for i, s := range b.options.Squads {
			values[i] = literalValue(s)
		}
		t.only = append(t.only, "squad:"+strings.Join(values, ","))
	}
	return t
}

// runs are those that began in the time, and that the term fits.
func (t *tracer) runs(term, count string) Trace {
	return t.trace("exec list", count, func(since, until string) []string {
		return []string{"is:run", "started:" + since + ".." + until, term}
	})
}

// outcomes are those of a kind; empty is all of them.
func (t *tracer) outcomes(kind, count string) Trace {
	term := ""
	if kind != "" {
		term = "type:" + kind
	}
	list := "report outcomes"
	if !t.asOf.IsZero() {
		list += " --as-of " + t.asOf.UTC().Format(time.RFC3339Nano)
	}
	return t.trace(list, count, func(since, until string) []string { return []string{term, "since:" + since, "until:" + until} })
}

// actions are those that were done in the time, and that the terms fit.
func (t *tracer) actions(terms ...string) Trace {
	return t.trace("action list", CountRows, func(since, until string) []string { return append(terms, "since:"+since, "until:"+until) })
}

func (t *tracer) trace(list, count string, terms func(since, until string) []string) Trace {
	command := func(since, until time.Time) string {
		if since.IsZero() {
			return ""
		}
		filter := make([]string, 0, len(t.only)+4)
		for _, term := range append(terms(since.UTC().Format(time.RFC3339Nano), until.UTC().Format(time.RFC3339Nano)), t.only...) {
			if term != "" {
				filter = append(filter, term)
			}
		}
		return "whodid " + list + " --json " + quoted(strings.Join(filter, " "))
	}
	return Trace{Command: command(t.since, t.until), Before: command(t.before, t.since), Count: count, IDs: []string{}, IDsBefore: []string{}}
}

// literalValue is a value of the filter language that means itself.
func literalValue(v string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._/@+-", r)
	}
	if v != "" && strings.IndexFunc(v, func(r rune) bool { return !plain(r) }) < 0 {
		return v
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v) + `"`
}
