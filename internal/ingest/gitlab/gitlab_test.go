package gitlab_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/forge"
	"github.com/whodid/whodid/internal/ingest/gitlab"
	"github.com/whodid/whodid/internal/redact/canary"
)

// options are those of a hook whose people have plain names.
func options() forge.Options {
	return forge.Options{
		Hook: "shop", Delivery: "d1", Pseudonym: func(identity string) string { return "p-" + strings.NewReplacer(":", "-", "@", "").Replace(identity) },
	}
}

func line(e *whodid.Event) string {
	at := "-"
	if !e.At.IsZero() {
		at = e.At.Format(time.RFC3339)
	}
	return fmt.Sprintf("%s %s %s result=%s at=%s by=%s %s", e.Key, e.What, e.Target, e.Result, at, e.Actor, e.Data.Canonical())
}

// facts are all facts of a delivery but that of its hook.
func facts(t testing.TB, body []byte) []whodid.Event {
	t.Helper()
	d, err := gitlab.Parse(body, options())
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Facts) == 0 || d.Facts[0].What != "forge.hook" {
		t.Fatalf("the hook is not told: %+v", d.Facts)
	}
	for i := range d.Facts {
		e := d.Facts[i]
		if e.At.IsZero() {
			e.At = whodid.FromMicros(1e15)
		}
		if err := e.Validate(); err != nil {
			t.Errorf("%s: %v", e.Key, err)
		}
		for _, name := range []string{"delivery", "hook", "repository", "url"} {
			delete(d.Facts[i].Data, name)
		}
	}
	return d.Facts[1:]
}

// change reads a sample and sets fields in it, each by its path.
func change(t testing.TB, name string, fields map[string]any) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	for path, v := range fields {
		at := m
		parts := strings.Split(path, ".")
		for _, p := range parts[:len(parts)-1] {
			next, ok := at[p].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[p] = next
			}
			at = next
		}
		at[parts[len(parts)-1]] = v
	}
	if b, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	shop = "gitlab/4861503/"
	head = "c4c79227ed610f1151f05bbc5be33b4f340d39c8"
	sha2 = "2222222222222222222222222222222222222222"
)

func TestDeliveries(t *testing.T) {
	t.Parallel()
	merge := `{"author":"human:p-gitlab-51764","base":"master","branch":"feature",`
	rest := `"head":"` + head + `","number":1`
	const by = "by=human:p-gitlab-ada "
	for name, test := range map[string]struct {
		sample string
		fields map[string]any
		want   string
	}{
		"an issue":       {"issue_create", nil, shop + "issue/1/created forge.issue.create gitlab-org/hello-world#1 result= at=2017-12-10T16:37:38Z " + by + `{"author":"human:p-gitlab-51764","number":1}`},
		"closed":         {"issue_closed", nil, shop + "issue/1/closed/1512924088 forge.issue.close gitlab-org/hello-world#1 result= at=2017-12-10T16:41:28Z " + by + `{"author":"human:p-gitlab-51764","number":1}`},
		"a request":      {"pull_request_create", nil, shop + "mr/1/created forge.pr.create gitlab-org/hello-world!1 result= at=2017-12-10T17:01:11Z " + by + merge + rest + "}"},
		"merged":         {"pull_request_merge", nil, shop + "mr/1/merged forge.pr.merge gitlab-org/hello-world!1 result= at=2017-12-10T17:08:07Z " + by + merge + rest + `,"sha":"78a76ee6b4992a6baf64c59fc4c44c7323d60438"}`},
		"updated":        {"pull_request_create", map[string]any{"object_attributes.action": "update", "object_attributes.oldrev": sha2}, shop + "mr/1/head/" + head + "/1512925271 forge.pr.update gitlab-org/hello-world!1 result= at=2017-12-10T17:01:11Z " + by + `{"author":"human:p-gitlab-51764","base":"master","before":"` + sha2 + `","branch":"feature",` + rest + "}"},
		"another title":  {"pull_request_create", map[string]any{"object_attributes.action": "update"}, ""},
		"approved":       {"pull_request_create", map[string]any{"object_attributes.action": "approved", "user.id": 9}, shop + "mr/1/approved/" + forge.Digest("human:p-gitlab-9") + "/1512925271 forge.pr.review gitlab-org/hello-world!1 result=approved at=2017-12-10T17:01:11Z by=human:p-gitlab-9 " + `{"author":"human:p-gitlab-51764",` + rest + `,"sha":"` + head + `","state":"approved"}`},
		"not any more":   {"pull_request_create", map[string]any{"object_attributes.action": "unapproved", "user.id": 9}, shop + "mr/1/unapproved/" + forge.Digest("human:p-gitlab-9") + "/1512925271 forge.pr.dismiss gitlab-org/hello-world!1 result= at=2017-12-10T17:01:11Z by=human:p-gitlab-9 " + `{"author":"human:p-gitlab-51764",` + rest + `,"sha":"` + head + `","state":"unapproved"}`},
		"a comment":      {"merge_request_comment_create", nil, shop + "note/50772616 forge.pr.comment gitlab-org/hello-world!1 result= at=2017-12-10T17:05:14Z " + by + `{"forge_id":50772616,"number":1}`},
		"GitLab's own":   {"merge_request_comment_create", map[string]any{"object_attributes.system": true}, ""},
		"a push":         {"push", nil, shop + "push/" + forge.Digest("refs/heads/master", "9217710ce8c7e1eae7a5d1c45f6e43e1c769f866", "2adc9465c4edfc33834e173fe89436a7cb899a1d") + " forge.commit.push gitlab-org/hello-world@master result= at=- by=human:p-gitlab-51764 " + `{"before":"9217710ce8c7e1eae7a5d1c45f6e43e1c769f866","branch":"master","count":1,"sha":"2adc9465c4edfc33834e173fe89436a7cb899a1d","shas":["2adc9465c4edfc33834e173fe89436a7cb899a1d"]}`},
		"a bot's push":   {"push", map[string]any{"user_username": "project_4861503_bot_ab12"}, shop + "push/" + forge.Digest("refs/heads/master", "9217710ce8c7e1eae7a5d1c45f6e43e1c769f866", "2adc9465c4edfc33834e173fe89436a7cb899a1d") + " forge.commit.push gitlab-org/hello-world@master result= at=- by=system:project_4861503_bot_ab12 " + `{"before":"9217710ce8c7e1eae7a5d1c45f6e43e1c769f866","branch":"master","count":1,"sha":"2adc9465c4edfc33834e173fe89436a7cb899a1d","shas":["2adc9465c4edfc33834e173fe89436a7cb899a1d"]}`},
		"a pipeline":     {"pipeline_hook", map[string]any{"project.web_url": "https://gitlab.com/gitlab-org/gitlab-test"}, "gitlab/1/pipeline/31/success/1471015589 forge.ci.run gitlab-org/gitlab-test@master result=success at=2016-08-12T15:26:29Z by=human:p-gitlab-1 " + `{"branch":"master","forge_id":31,"number":15,"sha":"bcbb5ec396a2c0f828686f14fac9b80b780504f2","state":"success","trigger":"merge_request_event"}`},
		"one that runs":  {"pipeline_hook", map[string]any{"object_attributes.status": "running"}, ""},
		"a deployment":   {"push", map[string]any{"object_kind": "deployment", "deployment_id": 15, "status": "success", "environment": "production", "status_changed_at": "2021-04-28 21:50:00 +0200", "commit_url": "https://gitlab.com/a/b/commit/" + sha2}, shop + `deployment/15/success forge.deploy.status gitlab-org/hello-world result=success at=2021-04-28T19:50:00Z by=human:p-gitlab-51764 {"branch":"master","environment":"production","forge_id":15,"sha":"` + sha2 + `","state":"success"}`},
		"a release":      {"push", map[string]any{"object_kind": "release", "id": 7, "action": "create", "tag": "v1", "released_at": "2020-11-02 12:55:12 UTC"}, shop + `release/7 forge.release.publish gitlab-org/hello-world@v1 result= at=2020-11-02T12:55:12Z by=human:p-gitlab-51764 {"forge_id":7,"version":"v1"}`},
		"something else": {"push", map[string]any{"object_kind": "wiki_page"}, ""},
	} {
		var got []string
		for _, e := range facts(t, change(t, test.sample, test.fields)) {
			got = append(got, line(&e))
		}
		if diff := cmp.Diff(test.want, strings.Join(got, "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// sign signs as Standard Webhooks says.
func sign(key []byte, id, timestamp string, body string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "." + body))
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestVerify(t *testing.T) {
	t.Parallel()
	key := []byte("0123456789abcdef0123456789abcdef")
	secret := "whsec_" + base64.StdEncoding.EncodeToString(key)
	now := strconv.FormatInt(noon.Unix(), 10)
	at := func(d time.Duration) string { return strconv.FormatInt(noon.Add(d).Unix(), 10) }
	for name, test := range map[string]struct {
		secret string
		signed gitlab.Signed
		good   bool
	}{
		"a token":                       {"a plain secret", gitlab.Signed{Token: "a plain secret"}, true},
		"another token":                 {"a plain secret", gitlab.Signed{Token: "a plain secreT"}, false},
		"no token":                      {"a plain secret", gitlab.Signed{}, false},
		"no secret":                     {"", gitlab.Signed{}, false},
		"signed":                        {secret, gitlab.Signed{ID: "m1", Timestamp: now, Signature: sign(key, "m1", now, "body")}, true},
		"signed with a plain secret":    {string(key), gitlab.Signed{ID: "m1", Timestamp: now, Signature: sign(key, "m1", now, "body")}, true},
		"signed with two secrets":       {secret, gitlab.Signed{ID: "m1", Timestamp: now, Signature: "v1,AAAA v1a,xyz " + sign(key, "m1", now, "body")}, true},
		"the time of another clock":     {secret, gitlab.Signed{ID: "m1", Timestamp: at(-4 * time.Minute), Signature: sign(key, "m1", at(-4*time.Minute), "body")}, true},
		"of yesterday":                  {secret, gitlab.Signed{ID: "m1", Timestamp: at(-24 * time.Hour), Signature: sign(key, "m1", at(-24*time.Hour), "body")}, false},
		"of tomorrow":                   {secret, gitlab.Signed{ID: "m1", Timestamp: at(24 * time.Hour), Signature: sign(key, "m1", at(24*time.Hour), "body")}, false},
		"another body":                  {secret, gitlab.Signed{ID: "m1", Timestamp: now, Signature: sign(key, "m1", now, "bodY")}, false},
		"another id":                    {secret, gitlab.Signed{ID: "m2", Timestamp: now, Signature: sign(key, "m1", now, "body")}, false},
		"another time":                  {secret, gitlab.Signed{ID: "m1", Timestamp: at(time.Second), Signature: sign(key, "m1", now, "body")}, false},
		"no time":                       {secret, gitlab.Signed{ID: "m1", Signature: sign(key, "m1", "", "body")}, false},
		"a signing secret as a token":   {secret, gitlab.Signed{Token: secret}, false},
		"a wrong signature and a token": {string(key), gitlab.Signed{Token: string(key), ID: "m1", Timestamp: now, Signature: "v1,AAAA"}, false},
		"a secret that is no base64":    {"whsec_!!", gitlab.Signed{Timestamp: now, Signature: sign(nil, "", now, "body")}, false},
		"an empty secret of signing":    {"whsec_", gitlab.Signed{Timestamp: now, Signature: sign(nil, "", now, "body")}, false},
	} {
		err := gitlab.Verify(test.secret, test.signed, []byte("body"), noon)
		if (err == nil) != test.good || err != nil && !errors.Is(err, gitlab.ErrNotSigned) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoContent puts secrets and personal data into every text of a delivery
// that is content, and looks for them in what comes out.
func TestNoContent(t *testing.T) {
	t.Parallel()
	for _, c := range canary.All() {
		for name, fields := range map[string]map[string]any{
			"issue_create":                 {"object_attributes.title": c.Text, "object_attributes.description": c.Text, "user.name": c.Text, "user.email": c.Text, "labels": []any{c.Text}},
			"pull_request_merge":           {"object_attributes.title": c.Text, "object_attributes.description": c.Text, "object_attributes.last_commit.message": c.Text, "user.email": c.Text},
			"merge_request_comment_create": {"object_attributes.note": c.Text, "merge_request.description": c.Text},
			"push":                         {"user_name": c.Text, "user_email": c.Text, "commits": []any{map[string]any{"id": sha2, "message": c.Text, "author": map[string]any{"name": c.Text, "email": c.Text}, "added": []any{c.Text}}}},
			"pipeline_hook":                {"object_attributes.variables": []any{map[string]any{"key": "A", "value": c.Text}}, "commit.message": c.Text, "object_attributes.name": c.Text},
		} {
			text := fmt.Sprintf("%+v", facts(t, change(t, name, fields)))
			for _, must := range c.Must {
				if strings.Contains(text, must) {
					t.Errorf("%s: %s comes out of %s", c.Kind, must, name)
				}
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		d, err := gitlab.Parse(body, options())
		if err != nil {
			return
		}
		for i := range d.Facts {
			e := d.Facts[i]
			e.Trim(false)
			if err := e.Data.Normalize(); err != nil {
				t.Fatalf("%s: %v", e.What, err)
			}
			if e.At.IsZero() || e.At.Year() < 2000 || e.At.Year() > 2199 {
				e.At = whodid.FromMicros(1e15)
			}
			if err := e.Validate(); err != nil {
				t.Fatalf("%s: %v", e.What, err)
			}
		}
	})
}

func FuzzVerify(f *testing.F) {
	f.Add("whsec_AAAA", "token", "id", "1700000000", "v1,AAAA", []byte("body"))
	f.Fuzz(func(t *testing.T, secret, token, id, timestamp, signature string, body []byte) {
		if gitlab.Verify(secret, gitlab.Signed{Token: token, ID: id, Timestamp: timestamp, Signature: signature}, body, noon) == nil && token != secret {
			// Only who knows the secret gets here.
			if !strings.Contains(signature, "v1,") {
				t.Fatal("it is let in without a signature")
			}
		}
	})
}
