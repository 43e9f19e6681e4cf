package whodid

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseTime reads a time as people write it: RFC 3339 ("2026-11-01T08:00:00Z"),
// a date ("2026-11-01", midnight in now's zone), a time of day ("03:30", the last
// one in now's zone), "now", "today", "yesterday", or how long ago ("30m", "12h",
// "7d", "2w", "1d12h").
func ParseTime(s string, now time.Time) (time.Time, error) {
	s = strings.TrimSpace(s)
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch strings.ToLower(s) {
	case "now":
		return now, nil
	case "today":
		return midnight, nil
	case "yesterday":
		return midnight.AddDate(0, 0, -1), nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			at := time.Date(now.Year(), now.Month(), now.Day(), t.Hour(), t.Minute(), t.Second(), 0, now.Location())
			if at.After(now) {
				at = at.AddDate(0, 0, -1)
			}
			return at, nil
		}
	}
	if d, err := ParseDuration(strings.TrimSuffix(s, " ago")); err == nil {
		return now.Add(-d), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time: write 7d, 30m, yesterday, 2026-11-01 or 2026-11-01T08:00:00Z", s)
}

// maxDuration is the longest length of time that is read, about 146 years: half
// of what fits, so that the sum of two is checked before it could overflow.
const maxDuration = time.Duration(1 << 62)

// ParseDuration reads a length of time such as "90s", "30m", "12h", "7d", "2w"
// or "1d12h". Days have 24 hours, weeks seven days.
func ParseDuration(s string) (time.Duration, error) {
	wrong := fmt.Errorf("%q is not a length of time: write 90s, 30m, 12h, 7d or 2w", s)
	var total time.Duration
	rest := s
	for rest != "" {
		digits := 0
		for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
			digits++
		}
		letters := digits
		for letters < len(rest) && (rest[letters] < '0' || rest[letters] > '9') {
			letters++
		}
		n, err := strconv.ParseInt(rest[:digits], 10, 32)
		if err != nil {
			return 0, wrong
		}
		unit, ok := unitOf(rest[digits:letters])
		if !ok || time.Duration(n) > maxDuration/unit {
			return 0, wrong
		}
		if total += time.Duration(n) * unit; total > maxDuration || total < 0 {
			return 0, wrong
		}
		rest = rest[letters:]
	}
	if s == "" {
		return 0, wrong
	}
	return total, nil
}

func unitOf(s string) (time.Duration, bool) {
	switch s {
	case "ms":
		return time.Millisecond, true
	case "s":
		return time.Second, true
	case "m", "min":
		return time.Minute, true
	case "h":
		return time.Hour, true
	case "d":
		return 24 * time.Hour, true
	case "w":
		return 7 * 24 * time.Hour, true
	default:
		return 0, false
	}
}
