package page

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/proof/sshsig"
)

// passkeysPage is with which passkeys people sign their decisions.
type passkeysPage struct {
	List []passkeyRow
	// Origin is where passkeys work; else WhyNot they don't.
	Origin, WhyNot string
	// Vouch says that a passkey has to vouch for another of who looks.
	Vouch bool
	// All says that those of everybody are shown.
	All  bool
	Said string
	// Line is what an administrator adds for who looks to count; empty if all do.
	Line string
}

type passkeyRow struct {
	whodid.Passkey
	Own bool
	// Counts says that its signature counts here now.
	Counts bool
	// Last says that it is the last of who looks, who can't revoke it.
	Last bool
}

func (r *request) keeper() *approval.Passkeys {
	return approval.NewPasskeys(r.t.Org, r.t.Recorder, r.t.Asker, r.pages.options.Now)
}

// noPasskeys says why nobody can register a passkey here or sign with one, or is
// empty.
func (r *request) noPasskeys() string {
	switch {
	case r.pages.options.Local:
		return "Passkeys belong to a server: on this machine sign with an SSH key."
	case r.pages.options.URL == "":
		return "This server does not know the address at which browsers reach it: people sign in, and use passkeys, where oidc.url is set."
	case !whodid.IsHuman(r.id.Actor):
		return "People have passkeys, and what is signed in here is " + person(r.id.Actor) + ". Sign in as yourself."
	case r.t.Recorder == nil:
		return "The key of this trail is not on this machine."
	default:
		return ""
	}
}

func (r *request) passkeys() (*answer, error) {
	page := &passkeysPage{WhyNot: r.noPasskeys(), All: r.id.Role.May(auth.Administer)}
	page.Origin, _ = r.origin()
	whose := r.id.Actor
	if page.All {
		whose = ""
	}
	list, err := r.keeper().List(r.ctx, whose)
	if err != nil {
		return nil, err
	}
	counts, err := r.counting()
	if err != nil {
		return nil, err
	}
	own, err := r.keeper().Vouchers(r.ctx, r.id.Actor)
	if err != nil {
		return nil, err
	}
	page.Vouch = len(own) > 0
	rows := make([]ask.Passkey, len(list))
	page.List = make([]passkeyRow, len(list))
	for i := range list {
		row := passkeyRow{Passkey: list[i], Own: list[i].Person == r.id.Actor, Counts: list[i].RevokedAt.IsZero() && counts(&list[i])}
		row.Last = len(own) == 1 && own[0].Fingerprint == row.Fingerprint
		if row.RevokedAt.IsZero() && !row.Counts && page.Line == "" {
			page.Line = row.Person + ` namespaces="` + whodid.SSHNamespace + `" ` + row.PublicKey
		}
		page.List[i], rows[i] = row, ask.NewPasskey(&list[i])
	}
	switch r.query("done") {
	case "registered":
		page.Said = "Your passkey is registered, and that is in the trail."
	case "revoked":
		page.Said = "The passkey is revoked: what it signs from now on does not count."
	}
	return &answer{title: "Passkeys", page: page, value: &ask.PasskeyList{Passkeys: rows}, rows: rows}, nil
}

// counting tells which passkeys' signatures count now, by whoever says whose do.
func (r *request) counting() (func(*whodid.Passkey) bool, error) {
	if r.pages.options.Signers == nil {
		return func(*whodid.Passkey) bool { return false }, nil
	}
	signers, err := r.pages.options.Signers(r.ctx, r.t)
	if err != nil {
		return nil, err
	}
	return func(k *whodid.Passkey) bool {
		key, err := sshsig.ParseKey(k.PublicKey)
		return err == nil && signers.Counts(key, k.Person, r.now) == nil
	}, nil
}

// challengeCookie holds what the browser was asked with, until it answers. It needs no
// signature: only this host can set it.
const challengeCookie = "__Host-whodid-passkey"

// newPasskey is what a browser needs to have a passkey made. Names are WebAuthn's.
func (r *request) newPasskey() (any, error) {
	if why := r.noPasskeys(); why != "" {
		return nil, wrong(http.StatusConflict, why, "")
	}
	own, err := r.keeper().List(r.ctx, r.id.Actor)
	if err != nil {
		return nil, err
	}
	_, site := r.origin()
	challenge := base64.RawURLEncoding.EncodeToString([]byte(rand.Text()))
	http.SetCookie(r.w, &http.Cookie{Name: challengeCookie, Value: challenge, Path: "/", MaxAge: 600, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	name := person(r.id.Actor)
	return map[string]any{
		"challenge": challenge,
		"rp":        map[string]any{"id": site, "name": "whodid"},
		"user":      map[string]any{"id": base64.RawURLEncoding.EncodeToString([]byte(strings.TrimPrefix(r.id.Actor, "human:"))), "name": name, "displayName": name},
		// ES256, EdDSA, RS256.
		"pubKeyCredParams":       []map[string]any{{"type": "public-key", "alg": -7}, {"type": "public-key", "alg": -8}, {"type": "public-key", "alg": -257}},
		"authenticatorSelection": map[string]any{"residentKey": "preferred", "userVerification": "required"},
		"attestation":            "none",
		"excludeCredentials":     credentials(own),
		"timeout":                timeToAct / time.Millisecond,
	}, nil
}

// vouching is what a passkey that somebody has is asked to sign for another to be
// theirs, too; null if they have none.
func (r *request) vouching() (any, error) {
	own, err := r.keeper().Vouchers(r.ctx, r.id.Actor)
	if err != nil || len(own) == 0 {
		return nil, err
	}
	var n approval.NewPasskey
	if n.PublicKey, err = base64.RawURLEncoding.DecodeString(r.r.PostFormValue("public_key")); err != nil {
		return nil, notFromBrowser()
	}
	_, site := r.origin()
	key, err := n.Key(site)
	if err != nil {
		return nil, err
	}
	return r.toSign(whodid.VouchStatement(r.id.Actor, key.Fingerprint), whodid.VouchNamespace, own), nil
}

// toSign is what a browser needs to have a statement signed by one of some passkeys.
func (r *request) toSign(statement []byte, namespace string, by []whodid.Passkey) map[string]any {
	_, site := r.origin()
	return map[string]any{
		"challenge": base64.RawURLEncoding.EncodeToString(sshsig.Challenge(statement, namespace)), "rpId": site,
		"allowCredentials": credentials(by), "userVerification": "required", "timeout": timeToAct / time.Millisecond,
	}
}

// timeToAct is how long a person has to find their finger.
const timeToAct = 2 * time.Minute

// origin is where passkeys work, as browsers name it, and site its host, for which
// they are.
func (r *request) origin() (origin, site string) {
	u, err := url.Parse(r.pages.options.URL)
	if err != nil {
		return "", ""
	}
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	}
	return u.Scheme + "://" + host, strings.ToLower(u.Hostname())
}

// credentials are the ids of passkeys that are not revoked.
func credentials(list []whodid.Passkey) []map[string]any {
	out := []map[string]any{}
	for i := range list {
		id, err := hex.DecodeString(list[i].Credential)
		if err == nil && list[i].RevokedAt.IsZero() {
			out = append(out, map[string]any{"type": "public-key", "id": base64.RawURLEncoding.EncodeToString(id)})
		}
	}
	return out
}

func (r *request) register() (to string, err error) {
	if why := r.noPasskeys(); why != "" {
		return "", wrong(http.StatusConflict, why, "")
	}
	c, err := r.r.Cookie(challengeCookie)
	if err != nil {
		return "", wrong(http.StatusConflict, "This is no answer to what this browser was asked, or it comes too late.", "Go back, and register it again.")
	}
	http.SetCookie(r.w, &http.Cookie{Name: challengeCookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}) // it is good for one answer
	n := &approval.NewPasskey{Name: r.t.Recorder.Clean(r.r.PostFormValue("name"))}
	n.Origin, _ = r.origin()
	if n.Challenge, err = base64.RawURLEncoding.DecodeString(c.Value); err != nil {
		return "", notFromBrowser()
	}
	for name, to := range map[string]*[]byte{
		"authenticator_data": &n.AuthenticatorData, "client_data": &n.ClientData, "public_key": &n.PublicKey, "voucher": &n.Voucher,
		"vouch_data": &n.Vouch.AuthenticatorData, "vouch_client": &n.Vouch.ClientData, "vouch_signature": &n.Vouch.Signature,
	} {
		if *to, err = base64.RawURLEncoding.DecodeString(r.r.PostFormValue(name)); err != nil {
			return "", notFromBrowser()
		}
	}
	if _, err := r.keeper().Register(r.ctx, n, r.who()); err != nil {
		return "", err
	}
	return "/passkeys?done=registered", nil
}

func notFromBrowser() error {
	return wrong(http.StatusBadRequest, "What was sent is not what a browser answers.", "Passkeys need JavaScript; without it sign with an SSH key.")
}

func (r *request) revoke() (to string, err error) {
	why := strings.TrimSpace(r.r.PostFormValue("reason"))
	if len(why) > whodid.MaxWhy {
		return "", wrong(http.StatusUnprocessableEntity, "The reason is too long.", "Write it in fewer words.")
	}
	may := approval.OwnPasskeys
	if r.id.Role.May(auth.Administer) {
		may = approval.OthersPasskeys
	}
	if _, err := r.keeper().Revoke(r.ctx, r.r.PostFormValue("key"), why, may, r.who()); err != nil {
		return "", err
	}
	return "/passkeys?done=revoked", nil
}

// signable are the passkeys with which who looks can sign here so that it counts.
func (r *request) signable() ([]whodid.Passkey, error) {
	if r.noPasskeys() != "" {
		return nil, nil
	}
	own, err := r.keeper().List(r.ctx, r.id.Actor)
	if err != nil || len(own) == 0 {
		return nil, err
	}
	counts, err := r.counting()
	if err != nil {
		return nil, err
	}
	var out []whodid.Passkey
	for i := range own {
		if own[i].RevokedAt.IsZero() && counts(&own[i]) {
			out = append(out, own[i])
		}
	}
	return out, nil
}

// statement is what a decision's passkey is asked to sign: the very bytes that a key
// of SSH's would. What it holds and until when comes back with the form.
func (r *request) statement() (any, error) {
	own, err := r.signable()
	if err != nil {
		return nil, err
	}
	if len(own) == 0 {
		return nil, wrong(http.StatusConflict, "You have no passkey that counts here.", "Register one, or sign with an SSH key.")
	}
	shown, d, err := r.decided(r.r.PostFormValue("decision") == "approve")
	if err != nil {
		return nil, err
	}
	_, statement, until, err := r.service().Statement(r.ctx, shown.ApprovalID, d, r.who())
	if err != nil {
		return nil, err
	}
	out := map[string]any{
		"statement": string(statement), "reason": d.Reason, "until": "",
		"public_key": r.toSign(statement, whodid.SSHNamespace, own),
	}
	if !until.IsZero() {
		out["until"] = until.Format(time.RFC3339)
	}
	return out, nil
}

// signature lets a decision be signed with what the browser sent along, if it did.
func (r *request) signature(d *approval.Decision) error {
	if r.r.PostFormValue("credential") == "" {
		return nil
	}
	id, err := base64.RawURLEncoding.DecodeString(r.r.PostFormValue("credential"))
	if err != nil {
		return notFromBrowser()
	}
	own, err := r.signable()
	if err != nil {
		return err
	}
	var key *sshsig.Key
	for i := range own {
		if own[i].Credential == hex.EncodeToString(id) {
			key, err = sshsig.ParseKey(own[i].PublicKey)
		}
	}
	if err != nil {
		return err
	}
	if key == nil {
		return wrong(http.StatusForbidden, "That is no passkey of yours that counts here.", "Register it, or sign with another.")
	}
	var a sshsig.Assertion
	for name, to := range map[string]*[]byte{"authenticator_data": &a.AuthenticatorData, "client_data": &a.ClientData, "signature": &a.Signature} {
		if *to, err = base64.RawURLEncoding.DecodeString(r.r.PostFormValue(name)); err != nil {
			return notFromBrowser()
		}
	}
	if text := r.r.PostFormValue("until"); text != "" {
		if d.Until, err = time.Parse(time.RFC3339, text); err != nil || !d.Until.After(r.now) || d.Until.After(r.now.Add(longestGrant+time.Hour)) {
			return wrong(http.StatusUnprocessableEntity, "That is no time until which an approval may hold.", "Go back, and decide again.")
		}
	}
	d.Checked = true
	d.Sign = func(statement []byte) ([]byte, string, error) {
		armored, err := a.Armor(key, statement, whodid.SSHNamespace)
		return armored, key.Fingerprint, err
	}
	return nil
}
