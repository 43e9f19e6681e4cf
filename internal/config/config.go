// Package config is the settings of the server: one struct, whose comments are
// the manual. A setting is given by a flag, else by the environment, else in
// the file, else it has its default, and a setting that nobody knows is an error
// that names it.
package config

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"time"

	"github.com/whodid/whodid/internal/denylist"
)

// Config is all settings of the server. docs/server.md is made from the
// comments: a setting that is added here is documented there.
type Config struct {
	// Listen is the address that the server listens on. Port 0 lets the system
	// choose one, which the server prints. Without TLS only an address of the
	// machine itself is taken, unless insecure says otherwise.
	Listen string `toml:"listen" flag:"listen" usage:"the ADDRESS to listen on"`
	// Store is the trail: sqlite:///path/to/trail.db or
	// postgres://user@host:5432/database. Any number of servers may have one
	// PostgreSQL database.
	Store Address `toml:"store"`
	// Keys is the folder of the keys of all organisations. Servers that share a
	// database must share it. Without it the keys lie beside a SQLite trail, and
	// in the data directory of the user for PostgreSQL.
	Keys string `toml:"keys"`
	// Insecure lets the server speak plain HTTP on an address that others reach.
	// It's meant for servers behind a proxy that ends TLS on the same private
	// network: tokens pass in clear.
	Insecure bool `toml:"insecure" flag:"insecure" usage:"speak plain HTTP to others, as behind a proxy that ends TLS"`
	// NoMigrate lets the server leave the schema of the database alone and
	// refuse to start if it's old. Use it where "whodid migrate" is run by somebody
	// with more rights.
	NoMigrate bool `toml:"no_migrate" flag:"no-migrate" usage:"don't bring the schema up to date; refuse to start if it is old"`
	// Connections is the file of webhooks, by which forges tell the server what
	// happened there; docs/forges.md describes it.
	Connections string `toml:"connections" flag:"connections" usage:"the FILE of webhooks and sinks"`
	// Clones are folders of git repositories, which the page shows the lines of, and
	// whose they are: everybody who may read the whole trail of the server's own
	// organisation sees them. Bare clones do; something else keeps them up to date.
	Clones []string `toml:"clones"`
	// Policies is the folder of the organisations' policies: org-NAME.toml says what
	// holds for the organisation NAME; docs/policy.md describes it. Without it that
	// is /etc/whodid/policies.
	Policies string `toml:"policies"`
	// Grace is how long requests in flight may take to end once the server was
	// asked to stop.
	Grace time.Duration `toml:"grace"`

	// TLS is the server's own certificate.
	TLS TLS `toml:"tls"`
	// Limits bound what callers may take.
	Limits Limits `toml:"limits"`
	// Log is what the server tells of itself on standard error.
	Log Log `toml:"log"`
	// Metrics are at /metrics, in the format of Prometheus.
	Metrics Metrics `toml:"metrics"`
	// Traces tell an OpenTelemetry collector what the server does.
	Traces Traces `toml:"traces"`
	// OIDC lets people sign in through the organisation's provider.
	OIDC OIDC `toml:"oidc"`
	// Redact is what must not be recorded, beside what never is;
	// docs/redaction.md describes it.
	Redact Redact `toml:"redact"`
	// Notify says who is told that a decision is wanted; docs/approvals.md
	// describes it.
	Notify Notify `toml:"notify"`
	// Witness shows the heads of the logs to witnesses; docs/witnesses.md describes
	// it.
	Witness Witness `toml:"witness"`
}

// Witness shows the heads of the logs to witnesses.
type Witness struct {
	// File names the witnesses. Without it they are those of the user that the
	// server runs as.
	File string `toml:"file"`
	// Every is the time between two heads that are shown, if something was recorded
	// meanwhile. 0 shows none.
	Every time.Duration `toml:"every"`
}

// Redact is what must not be recorded, beside what never is.
type Redact struct {
	// Patterns are regular expressions (RE2); what a whole one matches is taken
	// out.
	Patterns []string `toml:"patterns"`
	// Deny are words or phrases, taken out as whole words whatever their case.
	Deny []string `toml:"deny"`
	// Identities are names and logins, taken out in the same way.
	Identities []string `toml:"identities"`
}

// TLS is the server's own certificate. Both files are read again when they
// change and on SIGHUP.
type TLS struct {
	// Cert is the file of the certificate, with those between it and the root, in
	// PEM.
	Cert string `toml:"cert" flag:"tls-cert" usage:"the certificate's FILE, in PEM"`
	// Key is the file of the certificate's key, in PEM.
	Key string `toml:"key" flag:"tls-key" usage:"the FILE of the certificate's key, in PEM"`
}

// Limits bound what callers may take. How large a body may be is a matter of
// each door.
type Limits struct {
	// Concurrent is how many requests may be in work at once; who comes on top
	// is answered 503 with Retry-After.
	Concurrent int `toml:"concurrent"`
	// Streams is how many answers that go on, such as that of tail, may be open at
	// once.
	Streams int `toml:"streams"`
	// Memory bounds the bodies that are being read at once, after decompression
	// and all together; who comes on top is answered 503 with Retry-After.
	Memory Size `toml:"memory"`
	// Rate is how many requests in a second one credential may send to one server
	// process, on average; who sends more is answered 429 with Retry-After. 0 is
	// no limit.
	Rate float64 `toml:"rate"`
	// Burst is how many of them may come at once.
	Burst int `toml:"burst"`
}

// Log is what the server tells of itself on standard error, without content and
// without anything of a person.
type Log struct {
	// Format is text or json.
	Format string `toml:"format" flag:"log-format" usage:"text or json"`
	// Level is the least that is told: debug (each request), info, warn or error.
	Level string `toml:"level" flag:"log-level" usage:"debug, info, warn or error"`
}

// Metrics are at /metrics, in the format of Prometheus.
type Metrics struct {
	// Token is what a scraper must send as its bearer token. Without it everybody
	// who reaches the server may read the metrics, which name no person, agent or
	// organisation.
	Token Secret `toml:"token"`
}

// Traces tell an OpenTelemetry collector what the server does.
type Traces struct {
	// Endpoint is the collector's address for OTLP over HTTP, such as
	// http://127.0.0.1:4318; /v1/traces is added. Without it nothing is sent.
	Endpoint string `toml:"endpoint"`
	// Token is sent to the collector as a bearer token.
	Token Secret `toml:"token"`
	// Ratio is the part of the requests that is traced, 0 to 1, where the caller
	// has not decided that with a traceparent header.
	Ratio float64 `toml:"ratio"`
}

// OIDC lets people sign in through the organisation's provider, by OpenID
// Connect. docs/access.md has the set-up for common ones.
type OIDC struct {
	// Issuer is the provider's address, such as https://login.example.com.
	// Without it nobody signs in.
	Issuer string `toml:"issuer"`
	// ClientID is what the provider knows this server by.
	ClientID string `toml:"client_id"`
	// ClientSecret is the provider's secret for it.
	ClientSecret Secret `toml:"client_secret"`
	// URL is the server's address as browsers reach it, such as
	// https://whodid.example.com; the provider must be told to redirect to
	// /auth/callback there, and passkeys are for its host alone.
	URL string `toml:"url"`
	// Scopes are asked for beside openid.
	Scopes []string `toml:"scopes"`
	// Org is the organisation that people belong to.
	Org string `toml:"org"`
	// OrgClaim is the claim that names a person's organisation in the place of
	// org.
	OrgClaim string `toml:"org_claim"`
	// GroupsClaim is the claim that lists a person's groups.
	GroupsClaim string `toml:"groups_claim"`
	// Names puts what the provider calls people into the one table that names
	// them, when they sign in.
	Names bool `toml:"names"`
	// Lifetime is how long a sign-in lasts.
	Lifetime time.Duration `toml:"lifetime"`
	// Grants say what groups may do: a table [[oidc.grants]] for each. The first
	// that fits a person gives the role.
	Grants []Grant `toml:"grants"`
}

// Grant lets the people of a group in.
type Grant struct {
	// Group is the group's name as the provider has it; "*" is everybody.
	Group string `toml:"group"`
	// Role is reader, approver, auditor or admin.
	Role string `toml:"role"`
	// Squads are the only squads that a reader sees.
	Squads []string `toml:"squads"`
}

// defaults are the settings that nobody has changed.
func defaults() *Config {
	return &Config{
		Listen:  "127.0.0.1:8484",
		Grace:   30 * time.Second,
		Limits:  Limits{Concurrent: 512, Streams: 512, Memory: 256 << 20, Rate: 20_000, Burst: 40_000},
		Log:     Log{Format: "text", Level: "info"},
		Traces:  Traces{Ratio: 1},
		Witness: Witness{Every: 5 * time.Minute},
		OIDC:    OIDC{Org: "default", GroupsClaim: "groups", Lifetime: 12 * time.Hour},
	}
}

// check finds settings that can't be meant.
func (c *Config) check() error {
	var wrong []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	refuse(c.Listen == "", "listen: an address is needed, such as 127.0.0.1:8484")
	refuse((c.TLS.Cert == "") != (c.TLS.Key == ""), "tls.cert and tls.key belong together: only one of them is set")
	refuse(c.Grace < 0, "grace: %s is less than nothing", c.Grace)
	refuse(c.Limits.Concurrent < 1, "limits.concurrent: at least 1 request must be let in, not %d", c.Limits.Concurrent)
	refuse(c.Limits.Streams < 1, "limits.streams: at least 1 must be let in, not %d", c.Limits.Streams)
	refuse(c.Limits.Memory < 64<<20, "limits.memory: %s is too little for one body, 64MiB is the least", c.Limits.Memory)
	refuse(!(c.Limits.Rate >= 0) || math.IsInf(c.Limits.Rate, 0), "limits.rate: %v is not a number of requests", c.Limits.Rate)
	refuse(c.Limits.Rate > 0 && c.Limits.Burst < 1, "limits.burst: with a rate at least 1 must be let in, not %d", c.Limits.Burst)
	refuse(!(c.Traces.Ratio >= 0 && c.Traces.Ratio <= 1), "traces.ratio: %v is not between 0 and 1", c.Traces.Ratio)
	refuse(c.Witness.Every < 0 || c.Witness.Every > 0 && c.Witness.Every < time.Second, "witness.every: %s is less than a second, and not 0", c.Witness.Every)
	formats, levels := []string{"text", "json"}, []string{"debug", "info", "warn", "error"}
	refuse(!slices.Contains(formats, c.Log.Format), "log.format: %q is none of %v", c.Log.Format, formats)
	refuse(!slices.Contains(levels, c.Log.Level), "log.level: %q is none of %v", c.Log.Level, levels)
	c.OIDC.check(refuse)
	if err := (*denylist.List)(&c.Redact).Check(); err != nil {
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

func (o *OIDC) check(refuse func(bad bool, format string, args ...any)) {
	if o.Issuer == "" {
		refuse(o.ClientID != "" || len(o.Grants) > 0, "oidc.issuer: the provider's address is needed")
		return
	}
	refuse(o.ClientID == "", "oidc.client_id: the provider must know the server by something")
	u, err := url.Parse(o.URL)
	refuse(err != nil || u.Scheme != "https" || u.Host == "", "oidc.url: %q is not an address such as https://whodid.example.com; browsers keep a sign-in only over https", o.URL)
	refuse(o.Org == "" && o.OrgClaim == "", "oidc.org: people must belong to an organisation")
	refuse(o.Lifetime < time.Minute || o.Lifetime > 30*24*time.Hour, "oidc.lifetime: %s is not between a minute and 30 days", o.Lifetime)
	refuse(len(o.Grants) == 0, "oidc.grants: nobody is let in: say which group may do what, with [[oidc.grants]]")
	for i, g := range o.Grants {
		refuse(g.Group == "", "oidc.grants[%d].group: a group is needed; \"*\" is everybody", i)
		roles := []string{"reader", "approver", "auditor", "admin"}
		refuse(!slices.Contains(roles, g.Role), "oidc.grants[%d].role: %q is none of %v", i, g.Role, roles)
		refuse(len(g.Squads) > 0 && g.Role != "reader", "oidc.grants[%d].squads: only readers can be held to squads", i)
	}
}
