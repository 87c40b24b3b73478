# SPDX-License-Identifier: BSD-2-Clause
#
# Ruby: a collector that marks and compacts, fibers on stacks of their own, threads, fork.
puts '== collector'
kept = (1..200_000).map { |i| "object #{i}" }.each_slice(1000).map(&:last)
GC.start
puts kept.size, kept.last
GC.compact if GC.respond_to?(:compact)
puts kept.first

puts '== fibers'
count = Fiber.new { 3.times { |i| Fiber.yield i }; :end }
puts 4.times.map { count.resume }.inspect
many = (1..500).map { |i| Fiber.new { Fiber.yield i; i * 2 } }
puts many.sum(&:resume), many.sum(&:resume)

puts '== depth'
def down(n) = n.zero? ? 0 : 1 + down(n - 1)
puts down(5000)
begin
  down(10_000_000)
rescue SystemStackError => e
  puts e.class
end

puts '== threads'
queue = Queue.new
made = 4.times.map { |i| Thread.new { 100.times { |k| queue << i * 100 + k } } }
made.each(&:join)
puts queue.size, Array.new(queue.size) { queue.pop }.sum

puts '== processes'
reader, writer = IO.pipe
child = fork do
  reader.close
  writer.write Marshal.dump([Process.ppid == Process.pid, 'from the child'])
  exit! 3
end
writer.close
puts Marshal.load(reader.read).inspect
puts Process.wait2(child)[1].exitstatus
trap('USR1') { puts 'signal' }
Process.kill('USR1', Process.pid)
sleep 0.01
puts `echo a shell`
