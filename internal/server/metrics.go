package server

import (
	"crypto/subtle"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/whodid/whodid/internal/auth"
)

// Metrics count what the server does. They have a registry of their own, so that
// two servers in one process are two, and no label that names a person, an
// agent or an organisation, or that a caller can choose.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	inWork   prometheus.Gauge
	appends  *prometheus.CounterVec
	events   prometheus.Counter
	batch    prometheus.Histogram
	append   prometheus.Histogram
	failures *prometheus.CounterVec
	redacted *prometheus.CounterVec
}

// NewMetrics makes the metrics of one server.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "whodid_http_requests_total", Help: "Requests that were answered, by door and status.",
		}, []string{"route", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "whodid_http_request_seconds", Help: "How long requests took, by door.",
			Buckets: []float64{.001, .0025, .005, .01, .015, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"route"}),
		inWork: prometheus.NewGauge(prometheus.GaugeOpts{Name: "whodid_http_requests_in_work", Help: "Requests in work now."}),
		appends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "whodid_appends_total", Help: "Calls that appended to a log, by how they ended.",
		}, []string{"outcome"}),
		events: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "whodid_events_recorded_total", Help: "Events that were new to a log.",
		}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "whodid_append_events", Help: "How many events one call handed over to be appended.",
			Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000},
		}),
		append: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "whodid_append_seconds", Help: "How long it took until events were durable and under a signed checkpoint.",
			Buckets: []float64{.001, .0025, .005, .01, .015, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "whodid_chore_failures_total", Help: "What the server does of itself and failed at, by chore.",
		}, []string{"chore"}),
	}
	m.redacted = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "whodid_redacted_total", Help: "What was taken out of new events, by rule; what it was is nowhere.",
	}, []string{"rule"})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "whodid_build_info", Help: "1, and the version as a label.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.took, m.inWork, m.appends, m.events, m.batch, m.append, m.failures, m.redacted, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Gauge adds a value that is read whenever somebody looks; it must be quick.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// Counter is Gauge for a value that only grows.
func (m *Metrics) Counter(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, read))
}

// Appended counts a call that appended to a log: how many events it was handed,
// how many were new, how long it took and whether it failed.
func (m *Metrics) Appended(handed, added int, took time.Duration, err error) {
	if err != nil {
		m.appends.WithLabelValues("failed").Inc()
		return
	}
	m.appends.WithLabelValues("ok").Inc()
	m.events.Add(float64(added))
	m.batch.Observe(float64(handed))
	m.append.Observe(took.Seconds())
}

// Redacted counts what a rule took out of an event that was new.
func (m *Metrics) Redacted(rule string, n int) { m.redacted.WithLabelValues(rule).Add(float64(n)) }

// Failed counts a chore that failed. Its name is a fixed word.
func (m *Metrics) Failed(chore string) { m.failures.WithLabelValues(chore).Inc() }

func (m *Metrics) answered(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.took.WithLabelValues(route).Observe(took.Seconds())
}

// handler shows the metrics, to who has the token if there is one.
func (m *Metrics) handler(token string) http.Handler {
	show := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if token != "" && subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
			WriteError(w, auth.ErrUnauthenticated)
			return
		}
		show.ServeHTTP(w, r)
	})
}
