-- SPDX-License-Identifier: BSD-2-Clause
--
-- Lua 5.4: values, coroutines, its collector, files and processes.
print("== values")
print(7 // 2, 7 / 2, 2 ^ 10, 1 << 62, math.maxinteger + 1 == math.mininteger, 10 % -3)
print(string.format("%5.2f|%x|%q|%-4s|", math.pi, 255, "a\nb", "ab"))
print(("key = value"):match("^(%w+)%s*=%s*(%w+)$"))
print(("a gathering of pages"):gsub("%w+", function(w) return w:upper():reverse() end))
print(utf8.char(113, 9786), utf8.len("\u{263a}x"), #"\u{263a}")
print(string.pack(">I4", 258):byte(1, -1))
print(select("#", table.unpack({ 1, nil, 3 }, 1, 3)), math.type(1), math.type(1.0))
local t = {}
for i = 1, 10007 do t[i] = i * 7919 % 10007 end
table.sort(t)
print(t[1], t[#t], table.concat(t, ",", 5, 9))

print("== objects")
local Vec = {}
Vec.__index = Vec
Vec.__add = function(a, b) return setmetatable({ x = a.x + b.x }, Vec) end
Vec.__eq = function(a, b) return a.x == b.x end
Vec.__tostring = function(v) return "<" .. v.x .. ">" end
Vec.__close = function(v) print("closed", v) end
local function vec(x) return setmetatable({ x = x }, Vec) end
print(tostring(vec(1) + vec(2)), vec(3) == vec(1) + vec(2))
do local scoped <close> = vec(9) end
print(pcall(error, { code = 5 }), select(2, pcall(function() local x = nil; return x.y end)))
local function queens(n, row, cols, up, down)
	if row > n then return 1 end
	local count = 0
	for c = 1, n do
		if not (cols[c] or up[row + c] or down[row - c]) then
			cols[c], up[row + c], down[row - c] = true, true, true
			count = count + queens(n, row + 1, cols, up, down)
			cols[c], up[row + c], down[row - c] = nil, nil, nil
		end
	end
	return count
end
print("queens", queens(7, 1, {}, {}, {}))

print("== coroutines")
local function permutations(a, n)
	if n == 0 then coroutine.yield(table.concat(a)) end
	for i = 1, n do
		a[i], a[n] = a[n], a[i]
		permutations(a, n - 1)
		a[i], a[n] = a[n], a[i]
	end
end
local all = {}
for p in coroutine.wrap(function() permutations({ "a", "b", "c" }, 3) end) do all[#all + 1] = p end
print(table.concat(all, " "))
local many = {}
for i = 1, 1000 do many[i] = coroutine.create(function(x) while true do x = coroutine.yield(x + i) end end) end
local sum = 0
for i = 1, 1000 do sum = sum + select(2, coroutine.resume(many[i], 1)) end
print(sum)

print("== the collector")
many = nil
local weak = setmetatable({}, { __mode = "v" })
for i = 1, 100 do weak[i] = { i } end
local finalized = 0
for i = 1, 50 do setmetatable({}, { __gc = function() finalized = finalized + 1 end }) end
collectgarbage()
print(next(weak), finalized)
local before = collectgarbage("count")
local big = {}
for i = 1, 200000 do big[i] = { i } end
print(collectgarbage("count") - before > 8000)
big = nil
collectgarbage()
print(collectgarbage("count") - before < 1000)
collectgarbage("generational")
local s = ""
for i = 1, 3000 do s = s .. i % 10 end
print(#s, #(("x"):rep(10000000)))

print("== files")
local name = os.tmpname()
local f = assert(io.open(name, "w"))
for i = 1, 1000 do f:write(i, " ", i * i, "\n") end
f:close()
local n, total = 0, 0
for l in io.lines(name) do n, total = n + 1, total + tonumber(l:match("%d+$")) end
print(n, total)
f = io.open(name)
f:seek("end", -8)
print(f:read("n"))
f:close()
print(os.remove(name), (select(3, io.open(name))))
print(os.date("!%F", 86400), os.execute("exit 3"))
local p = io.popen("echo piped")
print(p:read("a"), p:close())
