package policy

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Exception excuses commits from one rule for a while.
type Exception struct {
	// ID is that of the event that recorded it, or its place in the file, such
	// as "policy.toml:14".
	ID     string
	Rule   string
	Reason string
	// Who granted it: an actor of the trail, or a name as the file has it.
	Who string
	// Until is the first moment at which it holds no more.
	Until time.Time
	Scope
}

// Expired reports whether the exception holds no more.
func (e *Exception) Expired(now time.Time) bool { return !now.Before(e.Until) }

// ByAgent reports whether an agent granted it.
func (e *Exception) ByAgent() bool { return strings.HasPrefix(e.Who, "agent:") }

// Validate says what an exception lacks. Each must say why, who, until when,
// and for what: one without a scope would be the end of its rule.
func (e *Exception) Validate() error {
	switch {
	case !ValidRuleID(e.Rule):
		return fmt.Errorf("%q is no id of a rule, such as ORG-001", e.Rule)
	case !isSentence(e.Reason):
		return fmt.Errorf("reason is missing or longer than one line of %d bytes", maxReason)
	case !isSentence(e.Who):
		return errors.New("who granted it is missing")
	case e.Until.IsZero():
		return errors.New("expires is missing")
	case e.Empty():
		return errors.New("scope is missing: paths, branches, agents or commits")
	}
	for _, globs := range [][]string{e.Paths, e.Branches, e.Agents} {
		if err := checkGlobs(globs); err != nil {
			return err
		}
	}
	for _, c := range e.Commits {
		if !isObjectName(c) {
			return fmt.Errorf("%q is no commit: write at least 7 hexadecimal digits of its id", c)
		}
	}
	return nil
}

// expiry is a date or a time, written as TOML's own or as text.
type expiry struct{ until time.Time }

// UnmarshalTOML takes what TOML's reader found.
func (e *expiry) UnmarshalTOML(v any) error {
	switch v := v.(type) {
	case string:
		var err error
		e.until, err = ParseExpiry(v)
		return err
	case time.Time:
		// The reader names the zone of what has none after its kind.
		switch v.Location().String() {
		case "date-local":
			e.until = endOfDay(v)
		case "datetime-local":
			e.until = time.Date(v.Year(), v.Month(), v.Day(), v.Hour(), v.Minute(), v.Second(), v.Nanosecond(), time.UTC)
		case "time-local":
			return errors.New("expires is a time without a day")
		default:
			e.until = v.UTC()
		}
		return nil
	default:
		return errors.New("expires is no date: write 2026-12-31")
	}
}

// ParseExpiry reads until when an exception holds: "2026-12-31" through the end
// of that day in UTC, or a time of RFC 3339 up to that moment.
func ParseExpiry(s string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return endOfDay(t), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no date: write 2026-12-31 or 2026-12-31T18:00:00Z", s)
	}
	return t.UTC(), nil
}

func endOfDay(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, time.UTC)
}

func isSentence(s string) bool {
	return strings.TrimSpace(s) != "" && len(s) <= maxReason && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' })
}

func isWord(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(".-_+", r)
	})
}

func isObjectName(s string) bool {
	return len(s) >= 7 && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'f')
	})
}
