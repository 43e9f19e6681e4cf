// Package gitlab reads the webhooks of GitLab. It is pure: headers and bytes in,
// events out.
package gitlab

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/forge"
)

// Source names this forge in events.
const Source = "gitlab"

// The headers that matter. The last three are those of Standard Webhooks.
const (
	HeaderToken       = "X-Gitlab-Token"
	HeaderUUID        = "X-Gitlab-Event-UUID"
	HeaderIdempotency = "Idempotency-Key"
	HeaderID          = "Webhook-Id"
	HeaderTimestamp   = "Webhook-Timestamp"
	HeaderSignature   = "Webhook-Signature"
)

// Tolerance is how far the time of a signature may be from ours.
const Tolerance = 5 * time.Minute

// Signed is what a delivery shows to be let in.
type Signed struct {
	Token                    string
	ID, Timestamp, Signature string
}

// ErrNotSigned means that a delivery is not the forge's, or that it is an old
// one that somebody sends again.
var ErrNotSigned = errors.New("the delivery is not signed with the hook's secret")

// signingPrefix begins the secrets of Standard Webhooks.
const signingPrefix = "whsec_"

// Verify checks a delivery against the hook's secret: by the signature of
// Standard Webhooks if there is one, which covers the time, and else by the
// plain token. A secret that is made for signing is never accepted as a token.
// No comparison tells by its time how much of a guess is right.
func Verify(secret string, s Signed, body []byte, now time.Time) error {
	if secret == "" {
		return ErrNotSigned
	}
	key := []byte(secret)
	encoded, signing := strings.CutPrefix(secret, signingPrefix)
	if signing {
		var err error
		if key, err = base64.StdEncoding.DecodeString(encoded); err != nil || len(key) == 0 {
			return fmt.Errorf("%w: the secret after %s is not base64", ErrNotSigned, signingPrefix)
		}
	}
	if s.Signature == "" && !signing {
		want, got := sha256.Sum256([]byte(secret)), sha256.Sum256([]byte(s.Token))
		if subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			return ErrNotSigned
		}
		return nil
	}
	seconds, err := strconv.ParseInt(s.Timestamp, 10, 64)
	if err != nil {
		return ErrNotSigned
	}
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(s.ID + "." + s.Timestamp + "."))
	_, _ = mac.Write(body)
	want, good := mac.Sum(nil), false
	for signature := range strings.FieldsSeq(s.Signature) {
		version, text, _ := strings.Cut(signature, ",")
		got, err := base64.StdEncoding.DecodeString(text)
		if version == "v1" && err == nil && hmac.Equal(want, got) {
			good = true
		}
	}
	switch age := now.Sub(time.Unix(seconds, 0)); {
	case !good:
		return ErrNotSigned
	case age > Tolerance || age < -Tolerance:
		return fmt.Errorf("%w: its time is more than %s from ours", ErrNotSigned, Tolerance)
	default:
		return nil
	}
}

// Parse reads a delivery. An event or action that is of no interest has no
// facts.
func Parse(body []byte, o forge.Options) (*forge.Delivery, error) {
	var p payload
	if err := forge.Decode(body, &p); err != nil {
		return nil, err
	}
	r := reader{Options: o, payload: &p, delivery: forge.Delivery{Event: p.Kind, Action: p.Attributes.Action, Repository: p.Project.Path}}
	if p.Project.ID == 0 {
		p.Project.ID = p.ProjectID
	}
	if p.Project.ID == 0 || p.Project.Path == "" {
		return &r.delivery, nil
	}
	r.read()
	return &r.delivery, nil
}

// reader makes facts of one payload.
type reader struct {
	forge.Options
	*payload
	delivery forge.Delivery
}

func (r *reader) read() {
	if r.Hook != "" {
		e := r.add(r.key("hook", forge.Digest(r.Hook)), "hook", r.Project.Path, forge.Time{}, whodid.Data{"url": r.Project.WebURL})
		e.Actor = whodid.System
	}
	switch r.Kind {
	case "issue":
		r.issue()
	case "merge_request":
		r.mergeRequest()
	case "note":
		r.note()
	case "push", "tag_push":
		r.push()
	case "pipeline":
		r.pipeline()
	case "deployment":
		r.deployment()
	case "release":
		r.release()
	}
}

// key identifies a fact by the project's number, which tells nobody whose it is,
// and by what the fact is about.
func (r *reader) key(parts ...string) string {
	host := ""
	if u, err := url.Parse(r.Project.WebURL); err == nil && u.Host != "" && u.Host != "gitlab.com" {
		host = forge.Digest(u.Host) + "/"
	}
	return host + number(r.Project.ID) + "/" + strings.Join(parts, "/")
}

func (r *reader) add(key, what, target string, at forge.Time, data whodid.Data) *whodid.Event {
	data["repository"] = r.Project.Path
	e := r.Fact(Source, key, what, target, at.Time, r.who(), data)
	r.delivery.Facts = append(r.delivery.Facts, e)
	return &r.delivery.Facts[len(r.delivery.Facts)-1]
}

// who sent it. Bots of projects and groups are known by their names, which
// GitLab keeps for them.
func (r *reader) who() forge.User {
	id, login := r.User.ID, r.User.Username
	if login == "" {
		id, login = r.UserID, r.UserUsername
	}
	bot := false
	for _, prefix := range []string{"project_", "group_"} {
		rest, ok := strings.CutPrefix(login, prefix)
		digits, _, marked := strings.Cut(rest, "_bot")
		if _, err := strconv.ParseUint(digits, 10, 64); ok && marked && err == nil {
			bot = true
		}
	}
	return forge.User{ID: id, Login: login, Bot: bot}
}

// numbered is "acme/shop#44" of an issue and "acme/shop!44" of a merge request.
func (r *reader) numbered(sign string, n int64) string { return r.Project.Path + sign + number(n) }

func (r *reader) at(ref string) string {
	if ref == "" {
		return r.Project.Path
	}
	return r.Project.Path + "@" + ref
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
