# SPDX-License-Identifier: BSD-2-Clause
#
# git: files mapped and renamed, locks by O_EXCL, packs written and read, programs that talk by pipes.
export HOME=/tmp/git GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@b GIT_AUTHOR_DATE='1700000000 +0000'
export GIT_COMMITTER_NAME=C GIT_COMMITTER_EMAIL=c@d GIT_COMMITTER_DATE='1700000000 +0000'
mkdir -p $HOME && cd $HOME || exit
echo "== commits"
git init -q -b main r && cd r
for i in 1 2 3 4 5; do
	seq $i 100 >f$i; echo "line $i" >>log
	git add . && git commit -q -m "step $i"
done
git log --format='%h %s'
git status --short | wc -l
echo "== branches"
git checkout -q -b side HEAD~2 && echo side >s && git add s && git commit -q -m side
git checkout -q main && git merge -q -m merged side && git log --oneline | wc -l
git rev-parse HEAD
git diff --stat HEAD~1 HEAD
echo "== pack"
git gc -q && ls .git/objects/pack | sed 's/.*\.//' | sort
git fsck --no-progress; echo "fsck $?"
git count-objects -v | grep -E '^(count|in-pack|packs)'
echo "== clone"
cd .. && git clone -q --no-local r s && cd s && git rev-parse HEAD && git log --format=%s side 2>/dev/null | head -1
git grep -c line HEAD -- log
git bisect start -q HEAD HEAD~4 2>&1 | head -1 | sed 's/(.*//'
git archive HEAD f1 | tar tf -
