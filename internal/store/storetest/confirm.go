package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

var confirmTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"forges confirm and contradict actions":    testConfirmations,
	"what was told first makes no difference":  testConfirmationOrder,
	"a forge confirms nothing elsewhere":       testConfirmationElsewhere,
	"what is known of a pull request is found": testFactsOf,
}

// A claim is an action and what a forge says about it. Each is one line:
// "verb target result seconds name=value…"; those of the forge begin with
// "forge.", and have no result unless it is one.
type claim struct {
	name  string
	lines []string
	want  string // state, expected and the verb of the fact
}

const (
	sha1 = "1111111111111111111111111111111111111111"
	sha2 = "2222222222222222222222222222222222222222"
	sha3 = "3333333333333333333333333333333333333333"
)

func claims() []claim {
	hook := "forge.hook acme/shop - -9000"
	return []claim{
		{"nobody says anything", []string{"pr.create acme/shop#44 success 0"}, " false "},
		{"a hook is silent", []string{"pr.create acme/shop#44 success 0", hook}, " true "},
		{"a hook was silent, for it was gone", []string{"pr.create acme/shop#44 success 0", hook, "forge.unhook acme/shop - -60"}, " false "},
		{"a hook was taken away before it could tell", []string{"pr.create acme/shop#44 success 0", hook, "forge.unhook acme/shop - 60"}, " false "},
		{"a hook was taken away much later", []string{"pr.create acme/shop#44 success 0", hook, "forge.unhook acme/shop - 9000"}, " true "},
		{"another hook was taken away", []string{"pr.create acme/shop#44 success 0", hook, "forge.unhook acme/shop - -60 hook=other"}, " true "},
		{"the hook of another repository was taken away", []string{"pr.create acme/shop#44 success 0", hook, "forge.unhook acme/shopping - -60"}, " true "},
		{"a hook was gone and came back", []string{"pr.create acme/shop#44 success 0", hook, "forge.unhook acme/shop - -600", "forge.issue.close acme/shop#1 - -60 repository=acme/shop"}, " true "},
		{"a hook came later", []string{"pr.create acme/shop#44 success 0", "forge.hook acme/shop - 5"}, " false "},
		{"the hook of a repository that begins alike", []string{"pr.create acme/shop#44 success 0", "forge.hook acme/shopping - -9"}, " false "},
		{"opened", []string{"pr.create acme/shop#44 success 0", "forge.pr.create acme/shop#44 - 3"}, "confirmed false forge.pr.create"},
		{"letters have no case", []string{"pr.create Acme/Shop#44 success 0", hook, "forge.pr.create acme/shop#44 - 3"}, "confirmed true forge.pr.create"},
		{"another number", []string{"pr.create acme/shop#44 success 0", "forge.pr.create acme/shop#4 - 3"}, " false "},
		{"opened long before, for the clock is wrong", []string{"pr.create acme/shop#44 success 900000", "forge.pr.create acme/shop#44 - 3"}, "confirmed false forge.pr.create"},
		{"a failure is no claim", []string{"pr.create acme/shop#44 failed 0", "forge.pr.create acme/shop#44 - 3"}, ""},
		{"a merge request", []string{"pr.create group/sub/shop!7 success 0", "forge.pr.create group/sub/shop!7 - 3"}, "confirmed false forge.pr.create"},
		{"merged", []string{"pr.merge acme/shop#44 success 0", "forge.pr.merge acme/shop#44 - 3"}, "confirmed false forge.pr.merge"},
		{"closed unmerged", []string{"pr.merge acme/shop#44 success 0", hook, "forge.pr.close acme/shop#44 - 60"}, "contradicted true forge.pr.close"},
		{"closed before it was merged", []string{"pr.merge acme/shop#44 success 0", "forge.pr.close acme/shop#44 - -600", "forge.pr.merge acme/shop#44 - 1"}, "confirmed false forge.pr.merge"},
		{"closed long before", []string{"pr.merge acme/shop#44 success 0", "forge.pr.close acme/shop#44 - -600"}, " false "},
		{"still open two hours later", []string{"pr.merge acme/shop#44 success 0", "forge.pr.update acme/shop#44 - 7200"}, "contradicted false forge.pr.update"},
		{"merged by somebody a day later", []string{"pr.merge acme/shop#44 success 0", "forge.pr.merge acme/shop#44 - 86400"}, "contradicted false forge.pr.merge"},
		{"a queue merged it a day later", []string{"pr.merge acme/shop#44 attempted 0", "forge.pr.merge acme/shop#44 - 86400"}, "confirmed false forge.pr.merge"},
		{"an attempt that came to nothing", []string{"pr.merge acme/shop#44 attempted 0", hook, "forge.pr.close acme/shop#44 - 60"}, " false "},
		{"closed, but it was merged", []string{"pr.close acme/shop#44 success 0", "forge.pr.merge acme/shop#44 - 2"}, "contradicted false forge.pr.merge"},
		{"an issue was closed", []string{"issue.close acme/shop#3 success 0", "forge.issue.close acme/shop#3 - 2"}, "confirmed false forge.issue.close"},
		{"an issue was closed last week", []string{"issue.close acme/shop#3 success 0", "forge.issue.close acme/shop#3 - -600000"}, " false "},
		{"pushed", []string{"commit.push acme/shop@main success 0 sha=" + sha1[:7], "forge.commit.push acme/shop@main - 2 sha=" + sha1}, "confirmed false forge.commit.push"},
		{"pushed with a later commit on top", []string{"commit.push acme/shop@main success 0 sha=" + sha1[:7], "forge.commit.push acme/shop@main - 2 sha=" + sha2 + " shas=" + sha1 + "," + sha2}, "confirmed false forge.commit.push"},
		{"pushed, and then again", []string{"commit.push acme/shop@main success 0 sha=" + sha1[:7], "forge.commit.push acme/shop@main - 60 sha=" + sha2 + " before=" + sha1}, "confirmed false forge.commit.push"},
		{"another commit was pushed", []string{"commit.push acme/shop@main success 0 sha=" + sha1[:7], hook, "forge.commit.push acme/shop@main - 60 sha=" + sha3 + " before=" + sha2 + " shas=" + sha3}, "contradicted true forge.commit.push"},
		{"another commit was pushed before", []string{"commit.push acme/shop@main success 0 sha=" + sha1[:7], "forge.commit.push acme/shop@main - -600 sha=" + sha2}, " false "},
		{"a commit id that would match all", []string{"commit.push acme/shop@main success 0 sha=%%%%%%%%", "forge.commit.push acme/shop@main - 4000 sha=" + sha2 + " shas=" + sha2}, " false "},
		{"pushed, nobody knows what", []string{"commit.push acme/shop@main success 0", "forge.commit.push acme/shop@main - 2 sha=" + sha2}, "confirmed false forge.commit.push"},
		{"released", []string{"release.publish acme/shop@v1.2.0 success 0", "forge.release.publish acme/shop@v1.2.0 - 2"}, "confirmed false forge.release.publish"},
		{"deployed", []string{"deploy.production acme/shop success 0", "forge.deploy.status acme/shop success 200 environment=Production"}, "confirmed false forge.deploy.status"},
		{"deployed elsewhere", []string{"deploy.production acme/shop success 0", "forge.deploy.status acme/shop success 200 environment=staging"}, " false "},
		{"the deployment failed", []string{"deploy.production acme/shop success 0", "forge.deploy.status acme/shop failed 200 environment=production"}, "contradicted false forge.deploy.status"},
		{"tests passed, and in CI too", []string{"test.run - success 0 sha=" + sha1, "forge.ci.run acme/shop@main success 300 name=test sha=" + sha1}, "confirmed false forge.ci.run"},
		{"tests passed, but not in CI", []string{"test.run - success 0", "commit.create - success 9 sha=" + sha1[:8], "forge.ci.run acme/shop@main failed 300 name=CI sha=" + sha1}, "contradicted false forge.ci.run"},
		{"CI was run again", []string{"test.run - success 0 sha=" + sha1, "forge.ci.run acme/shop@main failed 300 name=test sha=" + sha1, "forge.ci.run acme/shop@main success 900 name=test sha=" + sha1}, "confirmed false forge.ci.run"},
		{"another workflow failed", []string{"test.run - success 0 sha=" + sha1, "forge.ci.run acme/shop@main failed 300 name=publish sha=" + sha1}, " false "},
		{"CI of another commit", []string{"test.run - success 0 sha=" + sha1, "forge.ci.run acme/shop@main failed 300 name=test sha=" + sha2}, " false "},
		{"no forge could know", []string{"file.write src/a.go success 0", hook}, ""},
	}
}

// ParseClaim makes an event of one line, "verb target result seconds
// name=value…"; a hyphen is nothing.
func ParseClaim(t testing.TB, n int, line string) whodid.Event {
	t.Helper()
	f := strings.Fields(line)
	var seconds int
	if _, err := fmt.Sscan(f[3], &seconds); err != nil {
		t.Fatal(err)
	}
	e := whodid.Event{
		Key: fmt.Sprint("claim/", n, line), What: f[0], Target: f[1], Result: whodid.Result(f[2]), At: Epoch.Add(time.Duration(seconds) * time.Second),
		Actor: whodid.AgentActor("engineering/issue-solver"), Execution: ExecutionID(1), Source: "hook:claude-code", Data: whodid.Data{},
	}
	if f[1] == "-" {
		e.Target = ""
	}
	if f[2] == "-" {
		e.Result = ""
	}
	if strings.HasPrefix(f[0], "forge.") {
		e.Actor, e.Execution, e.Source = whodid.HumanActor("p1"), "", "webhook:github"
		e.Data["delivery"] = "d-" + f[0]
	}
	for _, pair := range f[4:] {
		name, value, _ := strings.Cut(pair, "=")
		if e.Data[name] = any(value); name == "shas" {
			e.Data[name] = strings.Split(value, ",")
		}
	}
	return e
}

func checkClaim(t *testing.T, s *store.Store, org string, c *claim, action *store.Row) {
	t.Helper()
	got, err := s.Confirmations(t.Context(), org, []uint64{action.Seq})
	if err != nil {
		t.Error(err)
		return
	}
	text := ""
	if v, ok := got[action.Seq]; ok {
		text = fmt.Sprint(v.State, " ", v.Expected, " ", v.Fact)
		if v.State != "" && (v.FactID == "" || v.Delivery != "d-"+v.Fact || v.Source != "webhook:github" || v.Actor != "human:p1" || v.At.IsZero()) {
			t.Errorf("%s: the fact is not told whole: %+v", c.name, v)
		}
	}
	if text != c.want {
		t.Errorf("%s: %q, want %q", c.name, text, c.want)
	}
	if _, ok := got[action.Seq]; ok != (store.Confirmable(action.What) && action.Result != whodid.ResultFailed) {
		t.Errorf("%s: confirmable is not what the view says", c.name)
	}
}

func testConfirmations(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	for i, c := range claims() {
		// Each in an organisation of its own: nothing of one is seen in another.
		org := fmt.Sprint("org-", i)
		book := NewBook(t, s, org)
		var action *store.Row
		for n, line := range c.lines {
			rows := book.Append(t, ParseClaim(t, n, line))
			if n == 0 {
				action = rows[0]
			}
		}
		checkClaim(t, s, org, &c, action)
	}
}

func testConfirmationOrder(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	for i, c := range claims() {
		org := fmt.Sprint("org-", i)
		book := NewBook(t, s, org)
		var action *store.Row
		for n := len(c.lines) - 1; n >= 0; n-- {
			action = book.Append(t, ParseClaim(t, n, c.lines[n]))[0]
		}
		checkClaim(t, s, org, &c, action)
	}
}

func testConfirmationElsewhere(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	action := NewBook(t, s, "one").Append(t, ParseClaim(t, 0, "pr.merge acme/shop#44 success 0"))[0]
	NewBook(t, s, "two").Append(t, ParseClaim(t, 1, "forge.hook acme/shop - -9"), ParseClaim(t, 2, "forge.pr.merge acme/shop#44 - 1"))
	checkClaim(t, s, "one", &claim{name: "of another organisation", want: " false "}, action)
}

func testFactsOf(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	NewBook(t, s, "default").Append(t,
		ParseClaim(t, 0, "pr.create Acme/shop#44 success 0"), ParseClaim(t, 1, "forge.pr.create acme/shop#44 - 1"),
		ParseClaim(t, 2, "forge.pr.create acme/shop#4 - 1"), ParseClaim(t, 3, "file.write acme/shop#44 success 1"),
		ParseClaim(t, 4, "forge.pr.merge acme/shop#44 - 2"))
	for target, want := range map[string]string{"acme/SHOP#44": "pr.create forge.pr.create forge.pr.merge", "acme/shop#5": "", "a\x00": ""} {
		rows, err := s.FactsOf(t.Context(), "default", target)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i := range rows {
			got = append(got, rows[i].What)
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%q: %q, want %q", target, text, want)
		}
	}
}
