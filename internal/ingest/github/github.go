// Package github reads the webhooks of GitHub. It is pure: headers and bytes in,
// events out.
package github

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/forge"
)

// Source names this forge in events.
const Source = "github"

// The headers that matter.
const (
	HeaderEvent     = "X-GitHub-Event"
	HeaderDelivery  = "X-GitHub-Delivery"
	HeaderSignature = "X-Hub-Signature-256"
)

// MaxBody is GitHub's own bound of a delivery, in bytes.
const MaxBody = 25 << 20

// Verify reports whether the signature is that of the body under the secret,
// in a time that does not tell how much of it is right. The body is the bytes
// as they came: it must not be read otherwise before.
func Verify(secret, body []byte, signature string) bool {
	digits, ok := strings.CutPrefix(signature, "sha256=")
	if !ok || len(secret) == 0 {
		return false
	}
	got, err := hex.DecodeString(digits)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write(body)
	return hmac.Equal(got, mac.Sum(nil))
}

// Payload is the JSON of a body: GitHub can be told to send it in a form.
func Payload(contentType string, body []byte) ([]byte, error) {
	if !strings.HasPrefix(contentType, "application/x-www-form-urlencoded") {
		return body, nil
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fmt.Errorf("couldn't read the form: %w", err)
	}
	return []byte(values.Get("payload")), nil
}

// Parse reads a delivery. An event or action that is of no interest has no
// facts.
func Parse(event string, body []byte, o forge.Options) (*forge.Delivery, error) {
	var p payload
	if err := forge.Decode(body, &p); err != nil {
		return nil, err
	}
	r := reader{Options: o, payload: &p, delivery: forge.Delivery{Event: event, Action: p.Action, Repository: p.Repository.FullName}}
	if p.Repository.ID == 0 || p.Repository.FullName == "" {
		return &r.delivery, nil
	}
	r.read(event)
	return &r.delivery, nil
}

// reader makes facts of one payload.
type reader struct {
	forge.Options
	*payload
	delivery forge.Delivery
}

func (r *reader) read(event string) {
	r.hook()
	switch event {
	case "issues":
		r.issue()
	case "pull_request":
		r.pull()
	case "pull_request_review":
		r.review()
	case "issue_comment", "pull_request_review_comment":
		r.comment()
	case "push":
		r.push()
	case "deployment":
		r.deployment()
	case "deployment_status":
		r.deploymentStatus()
	case "workflow_run":
		r.workflowRun()
	case "check_run":
		r.checkRun()
	case "release":
		r.release()
	case "meta":
		r.unhook()
	}
}

// key identifies a fact by the repository's number, which tells nobody whose it
// is, and by what the fact is about.
func (r *reader) key(parts ...string) string {
	host := ""
	if u, err := url.Parse(r.Repository.HTMLURL); err == nil && u.Host != "" && u.Host != "github.com" {
		host = forge.Digest(u.Host) + "/"
	}
	return host + strconv.FormatInt(r.Repository.ID, 10) + "/" + strings.Join(parts, "/")
}

func (r *reader) add(key, what, target string, at forge.Time, who user, data whodid.Data) *whodid.Event {
	data["repository"] = r.Repository.FullName
	e := r.Fact(Source, key, what, target, at.Time, who.user(), data)
	r.delivery.Facts = append(r.delivery.Facts, e)
	return &r.delivery.Facts[len(r.delivery.Facts)-1]
}

// hook says that the repository has a webhook. Told by each delivery, it is one
// fact for each hook and repository.
func (r *reader) hook() {
	if r.Hook == "" {
		return
	}
	data := whodid.Data{"url": r.Repository.HTMLURL}
	if r.Hooked != nil {
		data["events"] = r.Hooked.Events
	}
	e := r.add(r.key("hook", forge.Digest(r.Hook)), "hook", r.Repository.FullName, forge.Time{}, user{}, data)
	e.Actor = whodid.System
}

// unhook says that the webhook which delivers this was taken away at the forge.
func (r *reader) unhook() {
	if r.Hook == "" || r.Action != "deleted" || r.HookID == 0 {
		return
	}
	e := r.add(r.key("unhook", forge.Digest(r.Hook), strconv.FormatInt(r.HookID, 10)), "unhook", r.Repository.FullName, forge.Time{}, user{}, whodid.Data{"url": r.Repository.HTMLURL})
	e.Actor = whodid.System
}

// numbered is "acme/shop#44".
func (r *reader) numbered(n int64) string {
	return r.Repository.FullName + "#" + strconv.FormatInt(n, 10)
}

// at is "acme/shop@main", as agents' pushes and releases are told.
func (r *reader) at(ref string) string {
	if ref == "" {
		return r.Repository.FullName
	}
	return r.Repository.FullName + "@" + ref
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
