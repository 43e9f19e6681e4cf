package shell

import "strings"

// releaseDraft starts the release of a repository on a forge. Its URL is the
// proof; the URL of a draft has a tag that the forge made up.
func releaseDraft(tag, repo string, isDraft bool) *draft {
	what := "release.publish"
	if isDraft {
		what = "release.draft"
	}
	d := newProved(what, repo, "release create", proveRelease)
	if tag = cleanRef(tag); tag != "" {
		d.set("version", cleanVersion(tag))
		d.act.Target = tag
		if repo != "" {
			d.act.Target = repo + "@" + tag
		}
	}
	return d
}

// proveRelease looks for https://github.com/acme/shop/releases/tag/v1.2.3, or for
// GitLab's https://gitlab.com/group/project/-/releases/v1.2.3.
func proveRelease(d *draft, o *output) verdict {
	i := o.find(func(l string) bool {
		_, rest, ok := strings.Cut(l, "https://")
		return ok && strings.Contains(rest, "/releases/") && !strings.ContainsAny(rest, " \t") && (l == "https://"+rest || strings.Contains(l, "elease"))
	})
	if i < 0 {
		return silent
	}
	_, rest, _ := strings.Cut(o.lines[i], "https://")
	before, tag, _ := strings.Cut(rest, "/releases/")
	tag = cleanRef(strings.TrimPrefix(tag, "tag/"))
	_, p, _ := strings.Cut(strings.TrimSuffix(before, "/-"), "/")
	repo := cleanRepo(p)
	if repo == "" || tag == "" {
		return silent
	}
	o.take(i)
	d.set("url", cleanURL("https://"+rest))
	if d.act.What == "release.publish" || d.act.Target == "" {
		d.act.Target = repo + "@" + tag
	}
	return done
}

// releaseAct reads the publishers of package registries.
func releaseAct(c *call) *draft {
	sub := parseOptions(c.args[1:], " -C --dir --prefix --filter -F --workspace -w --tag --registry --access --otp ").operand(0)
	switch c.program {
	case "npm", "pnpm", "bun":
		if sub == "publish" {
			return newProved("release.publish", "", sub, provePublished)
		}
	case "yarn":
		if sub == "publish" || sub == "npm" && hasWord(c.args, "publish") {
			return newProved("release.publish", "", "publish", provePublished)
		}
	case "cargo":
		if sub == "publish" && !hasWord(c.args, "-n") {
			return newProved("release.publish", "", sub, proveCargo)
		}
	case "twine":
		if sub == "upload" {
			return newProved("release.publish", "", sub, provePyPI)
		}
	case "python", "python3":
		if m := moduleOf(c.args); m == "twine" && hasWord(c.args, "upload") {
			return newProved("release.publish", "", "twine upload", provePyPI)
		}
	case "docker", "podman":
		image := c.args[1:]
		if sub == "image" {
			image = image[1:]
		}
		o := parseOptions(image, "")
		if o.operand(0) != "push" {
			return nil
		}
		name, version := splitImage(o.operand(1))
		d := newProved("release.publish", name, "push", proveImage)
		d.set("package", name)
		d.set("version", version)
		return d
	}
	return nil
}

func hasWord(args []string, word string) bool {
	return oneOf(word, args...)
}

// moduleOf is the module of python -m.
func moduleOf(args []string) string {
	for i, a := range args[:max(len(args)-1, 0)] {
		if i == 0 {
			continue
		}
		if a == "-m" {
			return args[i+1]
		}
		if a == "" || a[0] != '-' {
			break
		}
	}
	return ""
}

func (d *draft) released(name, version string) verdict {
	name, version = cleanPackage(name), cleanVersion(version)
	if name == "" {
		return silent
	}
	d.set("package", name)
	d.set("version", version)
	if d.act.Target = name; version != "" {
		d.act.Target = name + "@" + version
	}
	return done
}

// provePublished looks for npm's and pnpm's "+ left-pad@1.3.0" and for what yarn
// and bun say.
func provePublished(d *draft, o *output) verdict {
	for i, l := range o.all() {
		rest, ok := strings.CutPrefix(l, "+ ")
		at := strings.LastIndexByte(rest, '@')
		if ok && !o.used[i] && at > 0 && cleanVersion(rest[at+1:]) != "" && d.released(rest[:at], rest[at+1:]) == done {
			o.take(i)
			return done
		}
	}
	if d.call.program == "yarn" && o.contains("success Published.", "Package archive published") {
		return done
	}
	if o.has("npm ERR! code", "npm error code") && !o.contains("+ ") {
		return refused
	}
	return silent
}

// proveCargo looks for "   Published shop v0.3.1 at registry `crates-io`", which
// follows "Uploaded" once the index has it.
func proveCargo(d *draft, o *output) verdict {
	for i, l := range o.all() {
		words := strings.Fields(l)
		if len(words) < 5 || o.used[i] || !oneOf(words[0], "Published", "Uploaded") || words[4] != "registry" && words[3] != "to" {
			continue
		}
		if d.released(words[1], strings.TrimPrefix(words[2], "v")) == done {
			o.take(i)
			return done
		}
	}
	return silent
}

// provePyPI looks for "View at:" and "https://pypi.org/project/shop/0.3.1/".
func provePyPI(d *draft, o *output) verdict {
	i := o.find(func(l string) bool {
		return strings.HasPrefix(l, "https://") && strings.Contains(l, "/project/")
	})
	if i < 0 || !o.has("View at:") {
		return silent
	}
	_, p, _ := strings.Cut(o.lines[i], "/project/")
	name, version, _ := strings.Cut(strings.Trim(p, "/"), "/")
	if d.released(name, version) != done {
		return silent
	}
	o.take(i)
	d.set("url", cleanURL(o.lines[i]))
	return done
}

// proveImage looks for "1.4: digest: sha256:… size: 1234".
func proveImage(d *draft, o *output) verdict {
	version, _ := d.act.Data["version"].(string)
	i := o.find(func(l string) bool {
		tag, rest, ok := strings.Cut(l, ": digest: sha256:")
		return ok && len(rest) > 64 && (version == "" || tag == version)
	})
	if i < 0 {
		if o.has("denied: ", "unauthorized: ", "An image does not exist locally") {
			return refused
		}
		return silent
	}
	tag, _, _ := strings.Cut(o.lines[i], ":")
	o.take(i)
	d.set("version", cleanVersion(tag))
	return done
}

// splitImage splits "registry:5000/team/app:1.4" into name and tag.
func splitImage(image string) (name, tag string) {
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		image, tag = image[:i], image[i+1:]
	}
	return cleanPackage(image), cleanVersion(tag)
}
