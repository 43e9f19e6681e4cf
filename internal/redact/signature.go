package redact

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// isSignature reports whether parts of text are together a signature in one of our
// namespaces, as OpenSSH makes it (PROTOCOL.sshsig). It looks like a secret, and is
// the proof that a decision needs.
func isSignature(parts []string, namespace string) bool {
	text, ok := strings.CutPrefix(strings.TrimSpace(strings.Join(parts, "")), "-----BEGIN SSH SIGNATURE-----")
	if !ok {
		return false
	}
	if text, ok = strings.CutSuffix(text, "-----END SSH SIGNATURE-----"); !ok {
		return false
	}
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return false
	}
	rest, ok := strings.CutPrefix(string(b), "SSHSIG\x00\x00\x00\x01")
	if !ok {
		return false
	}
	fields := inWire(rest) // key, namespace, reserved, hash, signature
	return len(fields) == 5 && fields[1] == namespace && fields[2] == "" && (fields[3] == "sha512" || fields[3] == "sha256")
}

// isPublicKey reports whether text is the public key of a passkey as SSH writes it:
// its type and, in base64, nothing but the fields of such a key.
func isPublicKey(text string) bool {
	kind, encoded, ok := strings.Cut(text, " ")
	counts := map[string]int{"sk-ecdsa-sha2-nistp256@openssh.com": 4, "sk-ssh-ed25519@openssh.com": 3, "ssh-rsa": 3}
	b, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil {
		return false
	}
	fields := inWire(string(b))
	return len(fields) > 0 && len(fields) == counts[kind] && fields[0] == kind
}

// inWire are the strings that stand one behind the other in SSH's wire format; none
// if there is anything else.
func inWire(rest string) (fields []string) {
	for rest != "" {
		if len(rest) < 4 {
			return nil
		}
		n := binary.BigEndian.Uint32([]byte(rest[:4]))
		if rest = rest[4:]; uint64(n) > uint64(len(rest)) {
			return nil
		}
		fields, rest = append(fields, rest[:n]), rest[n:]
	}
	return fields
}
