-- These shoppers are done here: they left, or they have what they came for. Their places are free at once.
for _, member in ipairs(ARGV) do forget(member) end
if config.version then admit() end
return #ARGV
