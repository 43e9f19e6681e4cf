package whodid_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/whodid/whodid"
)

// berlin has a daylight saving time: it ended on 2026-10-25 and begins again on
// 2027-03-28.
func berlin(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skipf("this machine has no time zones: %v", err)
	}
	return zone
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	zone := berlin(t)
	now := time.Date(2026, 10, 26, 10, 30, 0, 0, zone) // the day after the long one
	for text, want := range map[string]time.Time{
		"now":                       now,
		" NOW ":                     now,
		"today":                     time.Date(2026, 10, 26, 0, 0, 0, 0, zone),
		"Yesterday":                 time.Date(2026, 10, 25, 0, 0, 0, 0, zone), // 25 hours before today
		"2026-11-01":                time.Date(2026, 11, 1, 0, 0, 0, 0, zone),
		"2026-07-01":                time.Date(2026, 7, 1, 0, 0, 0, 0, zone),
		"2026-11-01T08:00:00Z":      time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC),
		"2026-11-01T08:00:00+09:00": time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC),
		"2026-11-01T08:00:00.25Z":   time.Date(2026, 11, 1, 8, 0, 0, 250_000_000, time.UTC),
		"2026-11-01T08:00:05":       time.Date(2026, 11, 1, 8, 0, 5, 0, zone),
		"2026-11-01T08:00":          time.Date(2026, 11, 1, 8, 0, 0, 0, zone),
		"2026-11-01 08:00:05":       time.Date(2026, 11, 1, 8, 0, 5, 0, zone),
		"2026-11-01 08:00":          time.Date(2026, 11, 1, 8, 0, 0, 0, zone),
		"30m":                       now.Add(-30 * time.Minute),
		"1d12h":                     now.Add(-36 * time.Hour), // hours that passed, not days of the calendar
		"03:30":                     time.Date(2026, 10, 26, 3, 30, 0, 0, zone),
		"03:30:05":                  time.Date(2026, 10, 26, 3, 30, 5, 0, zone),
		"23:50":                     time.Date(2026, 10, 25, 23, 50, 0, 0, zone), // the last one
		"7d":                        now.Add(-168 * time.Hour),
		"2w ago":                    now.Add(-336 * time.Hour),
	} {
		if got, err := whodid.ParseTime(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", " ", "tomorrow", "-7d", "7", "d", "7 d", "7y", "1.5h", "2026-13-01", "2026-02-30", "2026-11-01T25:00:00Z", "25:00", "3:60",
		"01/11/2026", "9999999999999h", "٧d", "7d\x00", "0x7d", "1e3s", "+7d",
	} {
		if got, err := whodid.ParseTime(text, now); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"250ms": 250 * time.Millisecond, "90s": 90 * time.Second, "30m": 30 * time.Minute, "30min": 30 * time.Minute,
		"12h": 12 * time.Hour, "7d": 168 * time.Hour, "2w": 336 * time.Hour, "1d12h": 36 * time.Hour, "0s": 0,
		"1w1d1h1m1s1ms": 193*time.Hour + time.Minute + time.Second + time.Millisecond,
	} {
		if got, err := whodid.ParseDuration(text); err != nil || got != want {
			t.Errorf("%q is %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "7", "d", "-1d", "1.5h", "1h 30m", "h1", "1H", "99999999999d", "7626w",
		"7000w7000w7000w7000w", // each fits and the sum goes once around
	} {
		if got, err := whodid.ParseDuration(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

func TestDurationsAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w, d := rapid.IntRange(0, 500).Draw(t, "weeks"), rapid.IntRange(0, 5000).Draw(t, "days")
		h, m, s := rapid.IntRange(0, 5000).Draw(t, "hours"), rapid.IntRange(0, 5000).Draw(t, "minutes"), rapid.IntRange(0, 5000).Draw(t, "seconds")
		want := time.Duration(w*168+d*24+h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second
		text := fmt.Sprintf("%dw%dd%dh%dm%ds", w, d, h, m, s)
		if got, err := whodid.ParseDuration(text); err != nil || got != want {
			t.Fatalf("%s is %s, %v; want %s", text, got, err, want)
		}
	})
}

func TestTimesSortAsText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		moment := rapid.Custom(func(t *rapid.T) time.Time {
			us := rapid.Int64Range(whodid.Micros(time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)), whodid.Micros(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC))).Draw(t, "us")
			zone := time.FixedZone("", rapid.IntRange(-12, 14).Draw(t, "zone")*3600)
			return whodid.FromMicros(us).In(zone)
		})
		a, b := moment.Draw(t, "a"), moment.Draw(t, "b")
		if (whodid.FormatTime(a) < whodid.FormatTime(b)) != a.Before(b) {
			t.Fatalf("%s and %s sort otherwise than their texts", whodid.FormatTime(a), whodid.FormatTime(b))
		}
		back, err := time.Parse(whodid.TimeFormat, whodid.FormatTime(a))
		if err != nil || whodid.Micros(back) != whodid.Micros(a) {
			t.Fatalf("%s is read back as %s, %v", whodid.FormatTime(a), back, err)
		}
	})
}

func FuzzParseTime(f *testing.F) {
	for _, text := range []string{"now", "yesterday", "7d", "1d12h", "2w ago", "2026-11-01", "2026-11-01T08:00:00Z", "2026-11-01 08:00", "7000w7000w7000w7000w"} {
		f.Add(text)
	}
	now := time.Date(2026, 11, 23, 10, 30, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := whodid.ParseDuration(text)
		if err == nil && (d < 0 || text == "") {
			t.Errorf("%q lasts %s", text, d)
		}
		at, atErr := whodid.ParseTime(text, now)
		if err == nil && (atErr != nil || !at.Equal(now.Add(-d))) {
			t.Errorf("%q ago is %s, %v; want %s before %s", text, at, atErr, d, now)
		}
		if atErr != nil && !at.IsZero() {
			t.Errorf("%q is refused and is %s", text, at)
		}
	})
}
