package sink

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// Syslog sends each event as one message of RFC 5424: over UDP (RFC 5426), TCP with
// counted frames (RFC 6587) or TLS (RFC 5425). Syslog has no answer: over TCP
// and TLS a batch counts as sent when the system has taken all of it, over UDP when it
// left. What is lost behind that, nobody tells us.
type Syslog struct {
	// Network is udp, tcp or tls.
	Network string
	// Address is host:port.
	Address string
	// Host is the name of this machine in the messages.
	Host string
	TLS  *tls.Config

	conn net.Conn
}

// The priority of messages: facility 13, log audit.
const facility = 13

// sendTimeout is how long a connection, or a batch on it, may take.
const sendTimeout = 30 * time.Second

// Send sends the events of a batch.
func (s *Syslog) Send(ctx context.Context, b *Batch) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if err := s.connect(ctx); err != nil {
		return fmt.Errorf("couldn't reach the syslog server: %w", cause(err))
	}
	deadline, _ := ctx.Deadline()
	if err := s.conn.SetDeadline(deadline); err != nil {
		return s.broken(err)
	}
	var frames []byte
	for i := range b.Records {
		m := s.message(b, i)
		if s.Network == "udp" {
			if _, err := s.conn.Write(m); err != nil {
				return s.broken(err)
			}
			continue
		}
		frames = append(strconv.AppendInt(frames, int64(len(m)), 10), ' ')
		frames = append(frames, m...)
	}
	if len(frames) > 0 {
		if _, err := s.conn.Write(frames); err != nil {
			return s.broken(err)
		}
	}
	return nil
}

func (s *Syslog) connect(ctx context.Context) (err error) {
	if s.conn != nil && s.Network != "udp" && gone(ctx, s.conn) {
		_ = s.conn.Close()
		s.conn = nil
	}
	if s.conn != nil {
		return nil
	}
	if s.Network == "tls" {
		s.conn, err = (&tls.Dialer{Config: s.TLS}).DialContext(ctx, "tcp", s.Address)
		return err
	}
	s.conn, err = (&net.Dialer{}).DialContext(ctx, s.Network, s.Address)
	return err
}

// gone tells whether the other side has closed the connection: a server of syslog
// never writes, so that all there can be to read is its end.
func gone(ctx context.Context, c net.Conn) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	var b [1]byte
	at, _ := ctx.Deadline()
	if err := c.SetReadDeadline(at); err != nil {
		return true
	}
	_, err := c.Read(b[:])
	timeout, ok := err.(net.Error) //nolint:errorlint // what a connection returns is bare
	return err != nil && !(ok && timeout.Timeout())
}

func (s *Syslog) broken(err error) error {
	_ = s.conn.Close()
	s.conn = nil
	return fmt.Errorf("couldn't send to the syslog server: %w", cause(err))
}

// message writes one event: "<110>1 time host whodid - verb - {…}".
func (s *Syslog) message(b *Batch, i int) []byte {
	const severity = 6 // informational
	m := fmt.Appendf(nil, "<%d>1 %s %s whodid - %s - ", facility*8+severity,
		b.Times[i].UTC().Format("2006-01-02T15:04:05.000000Z"), word(s.Host, 255), word(b.Kinds[i], 32))
	return append(m, b.Records[i]...)
}

// word makes of a text what a header of syslog can hold.
func word(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return -1
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), limit)]
}

// Close ends the connection.
func (s *Syslog) Close() error {
	if s.conn == nil {
		return nil
	}
	return s.conn.Close()
}
