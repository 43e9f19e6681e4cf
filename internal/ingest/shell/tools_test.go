package shell

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Outputs below are what the tools print, as their sources and manuals have it.

func TestForges(t *testing.T) {
	t.Parallel()
	runActs(t, "acme/shop", []actsCase{
		{"gh pr create -t x -b y", exit(0, "\x1b[32m"+"https://github.com/acme/shop/pull/44\x1b[0m\r\n"), []string{"pr.create acme/shop#44 success"}},
		{"gh pr create -t x", &Outcome{ExitKnown: true, Stderr: "Creating pull request for x into main in acme/shop\n\n", Stdout: pullURL}, []string{"pr.create acme/shop#44 success"}},
		{"URL=$(gh pr create --fill) && echo \"$URL\"", exit(0, pullURL), []string{"pr.create acme/shop#44 success"}},
		{"gh pr create --fill && gh pr view --json url -q .url", unknown(pullURL + pullURL), []string{"pr.create acme/shop#44 success"}},
		{"git push -u origin x && gh pr create --fill", exit(0, pullURL), []string{"commit.push x attempted", "pr.create acme/shop#44 success"}},
		{"hub pull-request -m x", exit(0, pullURL), []string{"pr.create acme/shop#44 success"}},
		{"glab mr create -f -y", exit(0, "!12 feat: x (feat/x)\n https://gitlab.com/group/sub/proj/-/merge_requests/12\n"), []string{"pr.create group/sub/proj!12 success"}},
		{"glab mr merge 12", exit(0, "✓ Merged!\n"), []string{"pr.merge acme/shop!12 success"}},
		{"gh pr merge 44 --squash -d", exitErr(0, "✓ Squashed and merged pull request acme/shop#44 (feat: greet)\n"), []string{"pr.merge acme/shop#44 success"}},
		{"gh pr merge", exitErr(0, "✓ Merged pull request #44 (feat: greet)\n"), []string{"pr.merge acme/shop#44 success"}},
		{"gh pr merge https://github.com/acme/other/pull/7", exit(1, "not mergeable"), []string{"pr.merge acme/other#7 failed"}},
		{"gh pr review 44 --approve -b 'looks fine'", exit(0, ""), []string{"pr.review acme/shop#44 success"}},
		{"gh pr close 44", exitErr(0, "✓ Closed pull request acme/shop#44 (feat: greet)\n"), []string{"pr.close acme/shop#44 success"}},
		{"gh pr comment 44 -b hello", exit(0, "https://github.com/acme/shop/pull/44#issuecomment-1\n"), []string{"pr.comment acme/shop#44 success"}},
		{"gh issue create -t x -b y -R acme/other", exit(0, "https://github.com/acme/other/issues/3\n"), []string{"issue.create acme/other#3 success"}},
		{"gh issue comment 43 -b hello", exit(0, "https://github.com/acme/shop/issues/43#issuecomment-1\n"), []string{"issue.comment acme/shop#43 success"}},
		{"gh issue close 43 -c done", exitErr(0, "✓ Closed issue acme/shop#43 (title)\n"), []string{"issue.close acme/shop#43 success"}},
		{"gh issue close 43", exitErr(0, "! Issue acme/shop#43 (title) is already closed\n"), []string{"issue.close acme/shop#43 attempted"}},
		{"glab issue create -t x", exit(0, "#5 x (less than a minute ago)\n https://gitlab.com/group/proj/-/issues/5\n"), []string{"issue.create group/proj#5 success"}},
		{"gh release create v1.2.0 --notes x", exit(0, "https://github.com/acme/shop/releases/tag/v1.2.0\n"), []string{"release.publish acme/shop@v1.2.0 success"}},
		{"gh release create v1.2.0 --draft", exit(0, "https://github.com/acme/shop/releases/tag/untagged-0a1b2c3d\n"), []string{"release.draft acme/shop@v1.2.0 success"}},
		{"gh secret set NPM_TOKEN -b FAKE", exit(0, ""), []string{"secret.rotate acme/shop success"}},
		{"vault kv put secret/x key=FAKE", exit(0, ""), []string{"secret.rotate  success"}},
		{"gh workflow run deploy.yml -f a=b", exit(0, ""), []string{"workflow.run acme/shop/deploy.yml success"}},
		{"gh pr view 44", exit(0, ""), []string{"shell.run gh pr view success"}},
		{"cd /elsewhere && gh pr merge 44", exit(1, "x"), []string{"pr.merge #44 failed"}},
		{"gh pr create -R a/x; gh pr create -R b/y", unknown("https://github.com/b/y/pull/2\n"), []string{"pr.create a/x attempted", "pr.create b/y#2 success"}},
	})
	want := []Act{{What: "pr.create", Target: "acme/shop#44", Result: Success, Data: map[string]any{
		"program": "gh", "subcommand": "pr create", "exit_code": 0, "number": 44, "url": "https://github.com/acme/shop/pull/44", "branch": "feat/x",
	}}}
	if diff := cmp.Diff(want, Acts("gh pr create -H feat/x --fill", exit(0, pullURL), "")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReleases(t *testing.T) {
	t.Parallel()
	runActs(t, "", []actsCase{
		{"npm publish --access public", exit(0, "npm notice\n+ @acme/shop@1.2.3-rc.1\n"), []string{"release.publish @acme/shop@1.2.3-rc.1 success"}},
		{"npm publish", exitErr(1, "npm error code E403\n"), []string{"release.publish  failed"}},
		{"npm publish", exit(0, ""), []string{"release.publish  attempted"}},
		{"pnpm -r publish", exit(0, "+ shop@1.2.3\n"), []string{"release.publish shop@1.2.3 success"}},
		{"yarn npm publish", exit(0, "➤ YN0000: Package archive published\n"), []string{"release.publish  success"}},
		{"cargo publish", exitErr(0, "   Uploading shop v0.3.1 (/src/shop)\n    Uploaded shop v0.3.1 to registry `crates-io`\n   Published shop v0.3.1 at registry `crates-io`\n"), []string{"release.publish shop@0.3.1 success"}},
		{"python3 -m twine upload dist/*", exit(0, "Uploading shop-0.3.1.tar.gz\n\nView at:\nhttps://pypi.org/project/shop/0.3.1/\n"), []string{"release.publish shop@0.3.1 success"}},
		{"docker push ghcr.io/acme/shop:1.4", exit(0, "The push refers to repository [ghcr.io/acme/shop]\n1.4: digest: sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 size: 1234\n"), []string{"release.publish ghcr.io/acme/shop success"}},
		{"docker push acme/shop", exitErr(1, "denied: requested access to the resource is denied\n"), []string{"release.publish acme/shop failed"}},
	})
}

func TestInfrastructure(t *testing.T) {
	t.Parallel()
	runActs(t, "", []actsCase{
		{"kubectl apply -f k8s/", exit(0, "deployment.apps/shop configured\nservice/shop unchanged\n"), []string{"infra.change deployment.apps/shop success"}},
		{"kubectl apply -f k8s/ || true", exit(0, "deployment.apps/shop configured\nError from server (Forbidden): x\n"), []string{"infra.change deployment.apps/shop failed"}},
		{"kubectl delete pod shop-1", exit(0, "pod \"shop-1\" deleted\n"), []string{"infra.change pod/shop-1 success"}},
		{"kubectl scale deploy/shop --replicas=3", exit(0, "deployment.apps/shop scaled\n"), []string{"infra.change deployment.apps/shop success"}},
		{"kubectl rollout restart deploy/shop", exit(0, "deployment.apps/shop restarted\n"), []string{"infra.change deployment.apps/shop success"}},
		{"kubectl rollout status deploy/shop", exit(0, ""), []string{"shell.run kubectl rollout success"}},
		{"kubectl get pods", exit(0, ""), []string{"shell.run kubectl get success"}},
		{"helm upgrade shop ./chart --install", exit(0, "Release \"shop\" has been upgraded. Happy Helming!\n"), []string{"infra.change shop success"}},
		{"helm install shop ./chart", exit(0, "NAME: shop\nLAST DEPLOYED: x\nSTATUS: deployed\n"), []string{"infra.change shop success"}},
		{"helm uninstall shop", exit(0, "release \"shop\" uninstalled\n"), []string{"infra.change shop success"}},
		{"helm upgrade shop ./chart || true", exitErr(0, "Error: UPGRADE FAILED: timed out\n"), []string{"infra.change shop failed"}},
		{"terraform apply -auto-approve", exit(0, "\x1b[1mApply complete! Resources: 1 added, 2 changed, 0 destroyed.\x1b[0m\n"), []string{"infra.change  success"}},
		{"tofu destroy -auto-approve", exit(1, "Error: x\n"), []string{"infra.change  failed"}},
		{"terraform plan", exit(0, ""), []string{"shell.run terraform plan success"}},
		{"pulumi up -y -s acme/prod", exit(0, "Resources:\n    + 3 created\n\nDuration: 5s\n"), []string{"infra.change acme/prod success"}},
		{"vercel --prod", exitErr(0, "Vercel CLI 33\n✅  Production: https://shop-abc.vercel.app [3s]\n"), []string{"deploy.production https://shop-abc.vercel.app success"}},
		{"vercel", exit(0, ""), []string{"infra.change  success"}},
		{"fly deploy -a shop", exit(0, ""), []string{"deploy.production shop success"}},
		{"fly deploy -a shop-staging", exit(0, ""), []string{"infra.change shop-staging success"}},
		{"gcloud run deploy shop --image x", exitErr(0, "Service [shop] revision [shop-00042-abc] has been deployed and is serving 100 percent of traffic.\n"), []string{"deploy.production shop success"}},
		{"serverless deploy --stage prod", exit(1, ""), []string{"deploy.production  failed"}},
		{"serverless deploy", exit(0, ""), []string{"infra.change  success"}},
		{"alembic upgrade head", exit(0, ""), []string{"schema.migrate alembic upgrade success"}},
		{"npx prisma migrate deploy", exit(0, ""), []string{"schema.migrate prisma migrate deploy success"}},
		{"RAILS_ENV=production bundle exec rails db:migrate", exit(0, ""), []string{"schema.migrate rails db:migrate success"}},
		{"goose -dir m postgres 'postgres://u:FAKE@h/d' up", exit(0, ""), []string{"schema.migrate goose up success"}},
		{"flyway -url=jdbc:x -password=FAKE migrate", exit(0, ""), []string{"schema.migrate flyway migrate success"}},
		{"python manage.py migrate", exit(1, ""), []string{"schema.migrate manage.py migrate failed"}},
	})
	for command, want := range map[string]any{
		"kubectl apply -f x -n prod":            "production",
		"kubectl apply -f x -n team-fake":       nil,
		"RAILS_ENV=production rails db:migrate": "production",
		"serverless deploy -s qa":               "test",
		"vercel --prod":                         "production",
	} {
		if got := Acts(command, nil, "")[0].Data["environment"]; got != want {
			t.Errorf("Acts(%q): environment = %v, want %v", command, got, want)
		}
	}
}

func TestBuildsAndTests(t *testing.T) {
	t.Parallel()
	for want, commands := range map[string][]string{
		"test.run": {
			"go test ./...", "pytest -q tests/", "python -m pytest", "python3 -m unittest discover", "python3 test_app.py", "uv run pytest", "poetry run pytest -x",
			"npm test", "npm t", "npm run test:unit", "yarn test", "pnpm --filter web test", "bun test", "npx vitest run", "npx jest", "cargo test --all", "cargo nextest run",
			"make test", "make clean check", "mvn -q test", "./mvnw verify", "gradle test", "./gradlew :app:testDebug", "bundle exec rspec", "node --test", "dotnet test",
			"./test.sh", "mix test", "swift test", "deno test", "bazel test //...", "CI=1 npm test -- --watch=false", "npx playwright test", "python manage.py test", "tox", "ctest",
		},
		"build.run": {
			"go build ./...", "cargo build --release", "npm run build", "yarn build", "make", "make -j8 all", "make build", "docker build -t x .", "docker buildx build .",
			"docker compose build", "mvn package", "./gradlew assembleDebug", "npx tsc -p .", "cmake --build out", "python -m build", "npx vite build", "dotnet build", "ninja",
		},
		"shell.run": {
			"go vet ./...", "make lint", "npm run lint", "npm install", "docker ps", "python3 app.py", "python3 -c 'import test_x'", "cargo fmt", "pytest --version", "git status",
			"mvn clean", "node app.js", "npm run dev", "cmake -S . -B out",
		},
	} {
		for _, command := range commands {
			if acts := Acts(command, nil, ""); len(acts) != 1 || acts[0].What != want {
				t.Errorf("Acts(%q) = %v, want one %s", command, show(acts), want)
			}
		}
	}
}

func TestFilesAndWeb(t *testing.T) {
	t.Parallel()
	runActs(t, "", []actsCase{
		{"rm -rf dist/app.js README.md", exit(0, ""), []string{"file.delete dist/app.js success", "file.delete README.md success"}},
		{"cd web && rm app.js", exit(0, ""), []string{"file.delete web/app.js success"}},
		{"cd /abs && rm app.js", exit(0, ""), []string{"file.delete  success"}},
		{"rm /etc/x", exit(1, ""), []string{"file.delete  failed"}},
		{"rm ../x", exit(0, ""), []string{"file.delete  success"}},
		{"rm $F *.o", exit(0, ""), []string{"file.delete  success"}},
		{"rm -- -x", exit(0, ""), []string{"file.delete  success"}},
		{"git rm --cached a.txt", exit(0, ""), []string{"file.delete a.txt success"}},
		{"mv a.txt b.txt", exit(0, ""), []string{"file.move a.txt success"}},
		{"mv -t dir a.txt b.txt", exit(0, ""), []string{"file.move a.txt success", "file.move b.txt success"}},
		{"find . -name '*.o' -delete", exit(0, ""), []string{"file.delete  success"}},
		{"find . -name '*.o' -exec rm {} ;", exit(0, ""), []string{"file.delete  attempted"}},
		{"curl -sS https://example.com/a/b?token=FAKE#f", exit(0, ""), []string{"web.fetch https://example.com/a/b success"}},
		{"curl -u user:FAKE -H 'Authorization: Bearer FAKE' -d @- https://u:FAKE@example.com:8443/v1", exit(22, ""), []string{"web.fetch https://example.com:8443/v1 failed"}},
		{"curl -X POST https://hooks.example.com/services/T0/B0/abcdefgh12345678abcdefgh", exit(0, ""), []string{"web.fetch https://hooks.example.com/services/T0/B0 success"}},
		{"curl localhost:8080/health", exit(7, ""), []string{"web.fetch http://localhost:8080/health failed"}},
		{"curl \"https://$HOST/x\"", exit(0, ""), []string{"web.fetch  success"}},
		{"wget -q -O x.tgz https://example.com/x.tgz", exit(0, ""), []string{"web.fetch https://example.com/x.tgz success"}},
		{"curl --version", exit(0, ""), []string{"shell.run curl success"}},
	})
}
