package redact

import (
	"maps"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestCleanWritesWhatItRemoved(t *testing.T) {
	t.Parallel()
	r := newRedactor(t, Options{
		Identities:   []string{"Ann Example", "annex", "Jürgen", "al"},
		DenyPatterns: []string{`(?i)project[- ]falcon`, `Z*`},
		HomeDir:      "/data/people/annie/",
	})
	for _, test := range []struct {
		in, out string
		counts  Counts
	}{
		{"", "", nil},
		{"https://u" + ":p@host.test/x", "https://host.test/x", Counts{ruleUserinfo: 1}},
		{"ssh://git@host.test/x", "ssh://git@host.test/x", nil},
		{"/home/bob/x /Users/bob /home/bob", "~/x ~ ~", Counts{ruleHome: 3}},
		{`C:\Users\tom\new and C:\\Users\\tom\\new`, `~\new and ~\\new`, Counts{ruleHome: 2}},
		{"-I/home/bob/include", "-I~/include", Counts{ruleHome: 1}},
		{"/data/people/annie/x /data/people/anniething", "~/x /data/people/anniething", Counts{ruleHome: 1}},
		{"/x/-data-people-annie-shop", "/x/-~-shop", Counts{ruleHome: 1}},
		{"by ANN EXAMPLE, ann.example, annex", "by [redacted:identity], [redacted:identity], [redacted:identity]", Counts{ruleIdentity: 3}},
		{"annex_backup annexes reannex al", "[redacted:identity]_backup annexes reannex al", Counts{ruleIdentity: 1}},
		{"JÜRGEN jürgensen", "[redacted:identity] jürgensen", Counts{ruleIdentity: 1}},
		{"Project Falcon", "[redacted:denied]", Counts{ruleDenied: 1}},
		{"a@b.test b%40c.test", "[redacted:email] [redacted:email]", Counts{ruleEmail: 2}},
		{"PASS" + "WORD=x1 b=2", "PASS" + "WORD=[redacted:password] b=2", Counts{rulePassword: 1}},
		{"Authori" + "zation: Bearer abc", "Authori" + "zation: Bearer [redacted:authorization]", Counts{ruleAuthorization: 1}},
		{"https://h.test/?a=1&sig" + "nature=abcdef&b=2", "https://h.test/?a=1&sig" + "nature=[redacted:query-secret]&b=2", Counts{ruleQuery: 1}},
		{`{"args":["--pass` + `word","abc"]}`, `{"args":["--pass` + `word","[redacted:password]"]}`, Counts{rulePassword: 1}},
		{"curl -s \\\n  -u app:abc \\\n https://h.test", "curl -s \\\n  -u [redacted:password] \\\n https://h.test", Counts{rulePassword: 1}},
		{"[redacted:email] [redacted:nonsense]", "[redacted:email] [redacted:nonsense]", nil},
		{"PASS" + "WORD=[redacted:forged]", "PASS" + "WORD=[redacted:password]", Counts{rulePassword: 1}},
	} {
		got, counts := r.Clean(test.in)
		if got != test.out || !maps.Equal(counts, test.counts) {
			t.Errorf("Clean(%q)\n got %q %v\nwant %q %v", test.in, got, counts, test.out, test.counts)
		}
	}
}

func TestNewRefusesABadPatternWithoutSayingIt(t *testing.T) {
	t.Parallel()
	_, err := New(Options{DenyPatterns: []string{"fine", "hush("}})
	if err == nil || !strings.Contains(err.Error(), "pattern 2") || strings.Contains(err.Error(), "hush") {
		t.Errorf("error %v", err)
	}
}

func TestNewIgnoresHomesThatNameNobody(t *testing.T) {
	t.Parallel()
	for _, home := range []string{"/", "/root", "/root/", ""} {
		if got, _ := newRedactor(t, Options{HomeDir: home}).Clean("/root/x /"); got != "/root/x /" {
			t.Errorf("HomeDir %q: %q", home, got)
		}
	}
}

func TestCleanIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	r := newRedactor(t, Options{})
	const in, want = "cloudflare_key=abcdefghij0123456789abcdefghij0123456789 a@b.test", " [redacted:email]"
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got, _ := r.Clean(in); !strings.HasSuffix(got, want) {
				t.Errorf("got %q", got)
			}
		})
	}
	wg.Wait()
}

// TestCleanIsBoundedOnHostileText gives Clean what would take quadratic time if something looked back or ahead without a limit.
func TestCleanIsBoundedOnHostileText(t *testing.T) {
	r := newRedactor(t, Options{Identities: []string{"annex"}})
	var all strings.Builder
	for i := range vendorRules {
		for _, k := range vendorRules[i].keywords {
			all.WriteString(k + "=abcdefgh12 ")
		}
	}
	const size = 256 << 10
	for name, unit := range map[string]string{
		"every keyword": all.String(),
		"names":         "keykey", "name and quote": `token="`, "names and spaces": "--token ", "at": "@", "mails": "a@", "domains": "a.b-c@d.e-f.",
		"urls": "a://", "urls with colon": "a://b:c/", "schemes": "://", "homes": "/home/", "homes with names": "/home/a", "pem": "-----BEGIN PRIVATE KEY-----",
		"pem half": "-----BEGIN ", "pem end": "-----END ", "marks": "[redacted:email]", "half marks": "[redacted:", "backslashes": `\`, "escapes": "\\n\x1b[",
		"jwt": "eyJ", "jwt dots": "eyJa.", "letters": "a", "random": "aB1", "percent": "%40", "curl": "curl -u ", "quotes": `curl "`, "nul": "\x00", "colons": "pass:",
		"brackets": "[bot]@", "cookies": "cookie: ", "authorization": `authorization:"`, "identity": "annex.", "slashes": "/", "equals": "=",
	} {
		text := strings.Repeat(unit, size/len(unit))
		start := time.Now()
		got, _ := r.Clean(text)
		// It takes milliseconds, the rules together a few seconds; quadratic time would be minutes.
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: %v", name, took)
		} else if took > 200*time.Millisecond {
			t.Logf("%s: %v", name, took)
		}
		if len(got) > 30*len(text) {
			t.Errorf("%s: %d bytes became %d", name, len(text), len(got))
		}
	}
}
