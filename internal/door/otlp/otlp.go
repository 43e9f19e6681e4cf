// Package otlp is the door for OpenTelemetry over HTTP: /v1/logs, /v1/traces and
// /v1/metrics of OTLP 1.9, as protobuf and as JSON, plain or gzip.
//
// Specification: https://opentelemetry.io/docs/specs/otlp/#otlphttp.
package otlp

import (
	"mime"
	"net/http"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/ingest/otlp"
	"github.com/whodid/whodid/internal/server"
)

// lease is how long a run that only telemetry tells of may be silent before it
// counts as lost: no client tells over telemetry that a session ended.
const lease = 24 * time.Hour

// Options are what the door needs beside the request.
type Options struct {
	// Now is the receiver's clock.
	Now func() time.Time
}

// Routes are the three paths of OTLP/HTTP.
func Routes(o Options) []server.Route {
	signals := []struct {
		path string
		read decoder
	}{
		{"/v1/logs", logs}, {"/v1/traces", traces}, {"/v1/metrics", metrics},
	}
	routes := make([]server.Route, len(signals))
	for i, s := range signals {
		routes[i] = server.Route{
			Pattern: "POST " + s.path, Needs: auth.Record,
			Handle: func(w http.ResponseWriter, r *http.Request, t *server.Tenant) { handle(w, r, t, o, s.read) },
		}
	}
	return routes
}

// decoder reads a request's body. Its error means that the body is not one.
type decoder func(body []byte, e encoding, s otlp.Surroundings) (otlp.Reading, error)

// encoding is that of a request, in which the answer goes back too.
type encoding int

const (
	encodingUnknown encoding = iota
	encodingProtobuf
	encodingJSON
)

func encodingOf(contentType string) encoding {
	switch media, _, _ := mime.ParseMediaType(contentType); media {
	case "application/x-protobuf":
		return encodingProtobuf
	case "application/json":
		return encodingJSON
	default:
		return encodingUnknown
	}
}

// handle answers one request. It answers success only when all that the records
// tell is in the trail: a sender whose request fails sends it again, which
// changes nothing, for the same facts have the same keys.
func handle(w http.ResponseWriter, r *http.Request, t *server.Tenant, o Options, read decoder) {
	e := encodingOf(r.Header.Get("Content-Type"))
	if e == encodingUnknown {
		fail(w, encodingJSON, http.StatusUnsupportedMediaType, "the content type is neither application/x-protobuf nor application/json")
		return
	}
	body, err := server.ReadBody(r, 0)
	if err == nil && e == encodingJSON {
		err = server.CheckDepth(body, server.MaxDepth)
	}
	if err != nil {
		server.Note(w, err)
		fail(w, e, server.StatusOf(err), err.Error())
		return
	}
	reading, err := read(body, e, surroundings(r, t, o))
	if err != nil {
		server.Note(w, err)
		fail(w, e, http.StatusBadRequest, "the body could not be decoded")
		return
	}
	if id, ok := auth.IdentityFrom(r.Context()); ok {
		told := len(reading.Events)
		var refused error
		if reading.Events, refused = id.VouchRead(reading.Events); refused != nil {
			// A sender that sent them again would be refused again: they are
			// rejected, and the others are taken.
			reading.Rejected += told - len(reading.Events)
			reading.Reason = refused.Error()
		}
	}
	if len(reading.Events) > 0 {
		if _, err := t.Recorder.RecordValid(r.Context(), reading.Events); err != nil {
			server.Note(w, err)
			// Senders come again after 429 and 503, and not after 500: what the
			// database will not take would come for ever.
			status := server.StatusOf(err)
			if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
				w.Header().Set("Retry-After", "1")
			}
			fail(w, e, status, "the records could not be recorded; none of them was acknowledged")
			return
		}
	}
	succeed(w, e, reading.Rejected, reading.Reason)
}

func surroundings(r *http.Request, t *server.Tenant, o Options) otlp.Surroundings {
	s := otlp.Surroundings{Pseudonym: t.Pseudonym, Lease: lease, ReceivedAt: o.Now()}
	if id, ok := auth.IdentityFrom(r.Context()); ok {
		if agent := whodid.AgentOf(id.Actor); agent != "" {
			s.Agent, s.AgentAuth = agent, id.ActorAuth
		}
	}
	return s
}

// fail answers with a google.rpc.Status in the request's encoding, as the
// specification asks. Its code is left out: clients go by the HTTP status.
func fail(w http.ResponseWriter, e encoding, status int, message string) {
	write(w, e, status, statusBody(e, message))
}

func succeed(w http.ResponseWriter, e encoding, rejected int, reason string) {
	write(w, e, http.StatusOK, responseBody(e, rejected, reason))
}

func write(w http.ResponseWriter, e encoding, status int, body []byte) {
	contentType := "application/json"
	if e == encodingProtobuf {
		contentType = "application/x-protobuf"
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) //nolint:gosec // it is a status or counts, in a type that no browser shows; who went away can't be told
}
