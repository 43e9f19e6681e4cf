// Package canary holds made-up secrets and personal data of the common shapes, for tests that put them into every entrance of the
// program and then look for them in everything it wrote.
//
// Nothing here was ever valid. The texts are put together at run time so that secret scanners have nothing to find in the source.
package canary

import (
	"encoding/base64"
	"strings"
)

// A Canary is a text that holds something which must not be recorded.
type Canary struct {
	// Kind names the shape, for test output: "github-classic".
	Kind string
	// Text is what to feed in, such as a line of a .env file.
	Text string
	// Must are the byte strings that may be found nowhere afterwards. Each occurs in Text.
	Must []string
}

// All returns a new slice of every canary.
func All() []Canary {
	var all []Canary
	all = append(all, tokens()...)
	all = append(all, assignments()...)
	all = append(all, urls()...)
	all = append(all, keys()...)
	return append(all, personal()...)
}

// Filler returns n characters that look like random base62, the same for the same seed. They are no words and no hexadecimal.
func Filler(seed uint32, n int) string {
	const alphabet = "Zk7Qw2Xv9Rt4Yp6Ls8Hn3Jd5Gf1Cb0MaEeUuOoIiTxSyDzFqNrBmVhPjKgWcAlx"
	b := make([]byte, n)
	state := seed*2654435761 + 12345
	for i := range b {
		state = state*1664525 + 1013904223
		b[i] = alphabet[(state>>16)%62]
	}
	return string(b)
}

// hex returns n hexadecimal characters, the same for the same seed.
func hex(seed uint32, n int) string {
	return pick("0123456789abcdef", seed, n)
}

func pick(alphabet string, seed uint32, n int) string {
	b := make([]byte, n)
	state := seed*2654435761 + 54321
	for i := range b {
		state = state*1664525 + 1013904223
		b[i] = alphabet[int(state>>16)%len(alphabet)]
	}
	return string(b)
}

// token makes a canary of a bare token.
func token(kind string, parts ...string) Canary {
	t := strings.Join(parts, "")
	return Canary{Kind: kind, Text: t, Must: []string{t, parts[len(parts)-1]}}
}

func tokens() []Canary {
	const upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	return []Canary{
		token("aws-access-key-id", "AK", "IA", pick(upper, 1, 16)),
		token("aws-temporary-key-id", "AS", "IA", pick(upper, 2, 16)),
		token("github-classic", "gh", "p_", Filler(3, 36)),
		token("github-oauth", "gh", "o_", Filler(4, 36)),
		token("github-app", "gh", "s_", Filler(5, 36)),
		token("github-user-to-server", "gh", "u_", Filler(6, 36)),
		token("github-refresh", "gh", "r_", Filler(7, 36)),
		token("github-fine-grained", "github", "_pat_", Filler(8, 22)+"_"+Filler(9, 59)),
		token("github-cut", "gh", "p_", Filler(10, 20)),
		token("gitlab-pat", "gl", "pat-", Filler(11, 20)),
		token("gitlab-deploy", "gl", "dt-", Filler(12, 20)),
		token("gitlab-runner", "gl", "rt-", Filler(13, 20)),
		token("slack-bot", "xo", "xb-", pick("0123456789", 14, 12)+"-"+pick("0123456789", 15, 12)+"-"+Filler(16, 24)),
		token("slack-user", "xo", "xp-", pick("0123456789", 17, 12)+"-"+pick("0123456789", 18, 12)+"-"+pick("0123456789", 19, 12)+"-"+hex(20, 32)),
		token("slack-app", "xa", "pp-1-A0", pick(upper, 21, 9)+"-"+pick("0123456789", 22, 13)+"-"+hex(23, 64)),
		token("slack-webhook", "https://hooks.sl", "ack.com/services/", "T"+pick(upper, 24, 8)+"/B"+pick(upper, 25, 8)+"/"+Filler(26, 24)),
		token("stripe-live", "sk", "_live_", Filler(27, 24)),
		token("stripe-test", "sk", "_test_", Filler(28, 24)),
		token("stripe-restricted", "rk", "_live_", Filler(29, 24)),
		token("stripe-webhook", "wh", "sec_", Filler(30, 32)),
		token("openai-legacy", "s", "k-", Filler(31, 20)+"T3Blbk"+"FJ"+Filler(32, 20)),
		token("openai-project", "s", "k-proj-", Filler(33, 74)+"T3Blbk"+"FJ"+Filler(34, 74)),
		token("openai-short", "s", "k-", Filler(35, 48)),
		token("anthropic", "sk-", "ant-api03-", Filler(36, 93)+"AA"),
		token("anthropic-admin", "sk-", "ant-admin01-", Filler(37, 93)+"AA"),
		token("anthropic-oauth", "sk-", "ant-oat01-", Filler(38, 80)),
		token("google-api", "AI", "za", Filler(39, 35)),
		token("google-oauth-secret", "GOC", "SPX-", Filler(40, 28)),
		token("google-oauth-token", "ya", "29.", Filler(41, 60)),
		token("npm", "np", "m_", Filler(42, 36)),
		token("pypi", "py", "pi-AgEIcHlwaS5vcmc", Filler(43, 70)),
		token("rubygems", "ruby", "gems_", hex(44, 48)),
		token("docker-hub", "dckr", "_pat_", Filler(45, 27)),
		token("azure-ad-secret", "aB1", "8Q~", Filler(46, 34)),
		token("huggingface", "h", "f_", pick("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", 47, 34)),
		token("groq", "gs", "k_", Filler(48, 52)),
		token("xai", "x", "ai-", Filler(49, 80)),
		token("replicate", "r", "8_", Filler(50, 37)),
		token("digitalocean", "dop", "_v1_", hex(51, 64)),
		token("shopify", "shp", "at_", hex(52, 32)),
		token("sendgrid", "S", "G.", Filler(53, 22)+"."+Filler(54, 43)),
		token("twilio", "S", "K", hex(55, 32)),
		token("vault", "hv", "s.", Filler(56, 95)),
		token("tailscale", "ts", "key-auth-", Filler(57, 12)+"-"+Filler(58, 32)),
		token("linear", "lin", "_api_", Filler(59, 40)),
		token("notion", "nt", "n_", pick("0123456789", 60, 11)+Filler(61, 35)),
		token("databricks", "da", "pi", hex(62, 32)),
		token("age", "AGE-SECRET", "-KEY-1", pick("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 63, 58)),
		token("no-name-random", Filler(64, 48)),
		jwt(),
	}
}

func jwt() Canary {
	encode := base64.RawURLEncoding.EncodeToString
	body := encode([]byte(`{"sub":"canary","name":"Made Up","iat":1516239022}`))
	signature := Filler(70, 43)
	return Canary{
		Kind: "jwt",
		Text: encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + body + "." + signature,
		Must: []string{body, signature},
	}
}

func assignments() []Canary {
	named := func(kind, before, secret, after string) Canary {
		return Canary{Kind: kind, Text: before + secret + after, Must: []string{secret}}
	}
	weak := "hunter" + "2-canary"
	return []Canary{
		named("env-password", "DB_PASS"+"WORD=", weak, ""),
		named("env-password-word", "PASS"+"WORD=", "correct"+"horse", ""),
		named("env-pgpassword", "export PGPASS"+"WORD=", weak+"-pg", ""),
		named("env-quoted", "SECRET_"+"KEY=\"", weak+" with spaces", "\""),
		named("env-aws-secret", "AWS_SECRET_ACCESS_"+"KEY=", Filler(80, 40), ""),
		named("env-azure-storage", "DefaultEndpointsProtocol=https;AccountName=acme;Account"+"Key=", Filler(81, 86)+"==", ";EndpointSuffix=core.windows.net"),
		named("env-token", "GITHUB_"+"TOKEN=", weak+"-gh", ""),
		named("flag-password", "deploy --pass"+"word ", weak+"-flag", ""),
		named("flag-token-equals", "deploy --auth-"+"token=", weak+"-eq", ""),
		named("flag-api-key", "deploy --api-"+"key ", weak+"-key", ""),
		named("json-password", `{"user":"app","pass`+`word":"`, weak+"-json", `"}`),
		named("json-camel", `{"client`+`Secret": "`, weak+"-camel", `"}`),
		named("yaml-password", "pass"+"word: ", weak+"-yaml", ""),
		named("bearer-header", "Authori"+"zation: Bearer ", Filler(82, 30), ""),
		named("bearer-header-weak", "curl -H 'Authori"+"zation: Bearer ", weak+"-bearer", "' api.example.test"),
		named("basic-header", "Authori"+"zation: Basic ", base64.StdEncoding.EncodeToString([]byte("app:"+weak)), ""),
		named("api-key-header", "curl -H 'X-Api-"+"Key: ", weak+"-xapi", "' api.example.test"),
		named("cookie-header", "Coo"+"kie: session=", weak+"-cookie", "; theme=dark"),
		named("curl-user", "curl -u app:", weak+"-curl", " api.example.test"),
		named("mysql-attached", "mysql -u root -p", weak+"-mysql", " shop"),
		named("docker-login", "docker login -u app -p ", weak+"-docker", " registry.example.test"),
		named("sshpass", "sshpass -p ", weak+"-ssh", " ssh prod"),
		named("npmrc", "//registry.example.test/:_auth"+"Token=", Filler(83, 36), ""),
		named("xml-password", "<pass"+"word>", weak+"-xml", "</password>"),
		named("odbc", "Server=db;User Id=app;Pwd"+"=", weak+"-odbc", ";Database=shop"),
	}
}

func urls() []Canary {
	weak := "hunter" + "3-canary"
	return []Canary{
		{"url-basic", "https://app:" + weak + "@git.example.test/acme/shop.git", []string{weak}},
		{"url-token-user", "https://" + Filler(90, 24) + "@git.example.test/acme/shop.git", []string{Filler(90, 24)}},
		{"url-postgres", "postgres://app:" + weak + "-pg@db.example.test:5432/shop?sslmode=disable", []string{weak}},
		{"url-mysql", "mysql://app:" + weak + "-my@db.example.test/shop", []string{weak}},
		{"url-mongodb", "mongodb+srv://app:" + weak + "-mo@cluster0.example.test/shop", []string{weak}},
		{"url-redis", "redis://:" + weak + "-re@cache.example.test:6379/0", []string{weak}},
		{"url-amqp", "amqp://app:" + weak + "-mq@mq.example.test/vhost", []string{weak}},
		{"url-slash-in-password", "postgres://app:x/" + weak + "@db.example.test/shop", []string{weak}},
		{"query-token", "https://api.example.test/v1?page=2&access_" + "token=" + weak + "-q&sort=asc", []string{weak}},
		{"query-key", "https://api.example.test/v1?" + "key=" + weak + "-k", []string{weak}},
		{"query-azure-sas", "https://acme.blob.example.test/c/f?sv=2024-11-04&sr=b&si" + "g=" + Filler(91, 40) + "%3D", []string{Filler(91, 40)}},
		{"query-aws-signature", "https://b.example.test/k?X-Amz-Expires=60&X-Amz-Signa" + "ture=" + hex(92, 64), []string{hex(92, 64)}},
	}
}

func keys() []Canary {
	lines := make([]string, 12)
	for i := range lines {
		lines[i] = pick("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", uint32(100+i), 64)
	}
	body := strings.Join(lines, "\n")
	armour := func(label, body string) string {
		return "-----BEG" + "IN " + label + "-----\n" + body + "\n-----E" + "ND " + label + "-----"
	}
	return []Canary{
		{"pem-rsa", armour("RSA PRIV"+"ATE KEY", body), lines},
		{"pem-pkcs8", armour("PRIV"+"ATE KEY", body), lines},
		{"pem-openssh", armour("OPENSSH PRIV"+"ATE KEY", body), lines},
		{"pem-encrypted", armour("RSA PRIV"+"ATE KEY", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"+strings.ToUpper(hex(99, 32))+"\n\n"+body), lines},
		{"pem-pgp", armour("PGP PRIV"+"ATE KEY BLOCK", "Version: Made Up 1\n\n"+body), lines},
		{"pem-without-end", strings.TrimSuffix(armour("EC PRIV"+"ATE KEY", body), "\n-----E"+"ND EC PRIV"+"ATE KEY-----"), lines},
	}
}

func personal() []Canary {
	return []Canary{
		{"email", "canary.person@example.test", []string{"canary.person"}},
		{"email-plus", "Canary Person <canary.person+trail@mail.example.test>", []string{"canary.person", "mail.example.test"}},
		{"email-in-url", "https://example.test/u?mail=canary.person%40example.test", []string{"canary.person"}},
		{"email-trailer", "Co-authored-by: Cee <cee.canary@corp.example.test>", []string{"cee.canary"}},
		{"home-linux", "/home/canaryperson/src/shop/main.go", []string{"canaryperson"}},
		{"home-mac", "/Users/canary.person/src/shop/main.go", []string{"canary.person"}},
		{"home-windows", `C:\Users\canaryperson\src\shop\main.go`, []string{"canaryperson"}},
		{"home-windows-space", `C:\Users\Canary Person\src\shop\main.go`, []string{"Canary Person"}},
		{"home-windows-slash", "C:/Users/canaryperson/src", []string{"canaryperson"}},
		{"home-bare", "cd /home/canaryperson", []string{"canaryperson"}},
		{"home-file-url", "file:///home/canaryperson/notes.md", []string{"canaryperson"}},
		{"home-wsl", "/mnt/c/Users/canaryperson/src", []string{"canaryperson"}},
		{"home-slug", "/root/.claude/projects/-home-canaryperson-src-shop/a.jsonl", []string{"canaryperson"}},
	}
}
